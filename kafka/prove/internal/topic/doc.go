// Package topic reads a topic from its beginning as a plain consumer does, with another Kafka
// library than the store's and none of the store's code: what it finds is the truth that a history
// is compared with.
//
// It writes nothing and knows no owner and no index. A [Tail] may be used by any number of
// goroutines.
package topic
