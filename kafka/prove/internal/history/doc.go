// Package history records what clients asked of a store and what it answered, and judges it: each
// stream's history must be linearizable, and equal to what an independent consumer found in the
// topic.
//
// An append whose outcome its client never learned may have happened at any time after its call, or
// not at all. The log says which: what it holds happened, once, at the version it has there; what
// it does not hold never did. (etcd's robustness tests settle their unreturned requests by the
// watch history in the same way.) So no search over possibilities is needed, and none can hide a
// violation.
//
// A store that another one has overtaken may not know it yet; what the contract lets it answer then
// is in [Check].
//
// This package talks to nobody. A [Recorder] and a [Log] may be used by any number of goroutines.
package history
