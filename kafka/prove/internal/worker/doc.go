// Package worker is a process that holds a Kafka store and carries out orders. It is also the
// handle that gives the orders. The process can be killed, paused and woken like any process.
//
// Requests and answers are lines of JSON on the process's standard input and output. The process
// serves any number of them at once. It ends when its input does, so it cannot outlive the process
// that started it. It keeps no history and judges nothing.
//
// A [Process] may be used by any number of goroutines.
package worker
