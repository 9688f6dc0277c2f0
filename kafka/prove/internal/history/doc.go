// Package history records what clients asked of a store and what the store answered, and judges it.
// Each stream's history must be linearizable. It must also equal what an independent consumer found
// in the topic.
//
// An append whose outcome its client never learned may have happened at any time after its call, or
// not at all. The log says which. If the log holds the append, it happened once, at the version
// that it has there. If the log does not hold it, it never happened. (etcd's robustness tests
// settle their unreturned requests by the watch history in the same way.) So no search over
// possibilities is needed, and none can hide a violation.
//
// A store that another one has overtaken may not know it yet. [Check] says what the contract lets
// such a store answer.
//
// This package talks to nobody. A [Recorder] and a [Log] may be used by any number of goroutines.
package history
