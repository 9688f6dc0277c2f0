// Package topic reads a topic from its beginning, as a plain consumer does. It uses another Kafka
// library than the store, and none of the store's code. A history is compared with the records that
// it finds.
//
// It writes nothing and knows no owner and no index. A [Tail] may be used by any number of
// goroutines.
package topic
