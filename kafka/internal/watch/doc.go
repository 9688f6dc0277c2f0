// Package watch looks at the topics of a store while it runs. It compares their settings,
// partitions, replicas and ids with what they must be, and looks where their partitions begin. It
// also probes whether the logs still hold what the store has read.
//
// It never changes a topic, and never stops a store: it tells. A Watch may be used by any number of
// goroutines.
package watch
