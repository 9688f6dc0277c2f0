// Package watch looks at the topics of a store while it runs: their settings, partitions, replicas
// and ids, where their partitions begin, and whether the logs still hold what the store has read.
//
// It never changes a topic, and never stops a store: it tells. A Watch may be used by any number of
// goroutines.
package watch
