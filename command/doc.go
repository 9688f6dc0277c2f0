// Package command dispatches commands to their handlers.
//
// A command is a plain struct that says in the imperative what to do, such as CreateAccount.
// [Register] ties a command type to the one function that handles it. [Bus.Dispatch] finds that
// function, gives the command its [Metadata], and puts an [event.Cause] into the context. So every
// event that the handler's repositories store carries the command's id, correlation, actor and
// metadata, without a line in the handler.
//
// The bus runs a handler in the goroutine of its caller and returns its error. It keeps no queue,
// it never runs a handler again by itself, and it stores nothing. Package aggregate applies a
// repeated command once, by the command's id.
//
// A [Bus] may be used by any number of goroutines.
package command
