// Package panics turns a panic of user code into an error with its stack.
// It imports only the standard library and keeps no state.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a recovered panic.
type Error struct {
	In    string // whose code panicked, such as "handler of CreateAccount"
	Value any    // what it panicked with
	Stack []byte // the stack of the goroutine at that moment
}

// Error says whose code panicked and with what. The stack is only in its field.
func (e *Error) Error() string {
	return fmt.Sprintf("%s panicked: %v", e.In, e.Value)
}

// Unwrap returns the value the code panicked with, if that was an error.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Guard calls f and returns its error; a panic in f becomes an *[Error].
func Guard(in string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Error{In: in, Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
