// Package states keeps folded states of aggregates in memory: bounded in bytes, and only of types
// whose values may be shared.
//
// It never reads or folds events, and knows no store. A [Cache] may be used concurrently.
package states
