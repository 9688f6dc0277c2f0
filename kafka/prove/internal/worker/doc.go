// Package worker is a process that holds a Kafka store and does as it is told, and the handle by
// which it is told: it can be killed, paused and woken like any process.
//
// Questions and answers are lines of JSON on the process's standard input and output. It serves any
// number of them at once, and ends when its input does, so that it cannot outlive whoever started
// it. It keeps no history and judges nothing.
//
// A [Process] may be used by any number of goroutines.
package worker
