// Package goroutine runs user code in a goroutine of its own, so that whatever that code does ends
// nothing else: it may panic, or call [runtime.Goexit], as every FailNow of package testing does.
//
// It never decides what an error means, and it imports only packages panics and the standard
// library. Its functions may be called by any number of goroutines.
package goroutine

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"

	"github.com/fencelog/fencelog/internal/panics"
)

// ExitError says that user code ended its goroutine instead of returning.
type ExitError struct{ In string } // whose code it was, such as "handler of group statements"

// Error says what happened and what to do.
func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended its goroutine (runtime.Goexit, as FailNow of package testing does): return an error instead", e.In)
}

// Apart calls f in a goroutine of its own and waits for it. It returns f's error. A panic of f is a
// *[panics.Error], and an end of the goroutine an *[ExitError].
func Apart(in string, f func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := error(&ExitError{In: in})
		defer func() { ended <- err }()
		err = panics.Guard(in, f)
	}()
	return <-ended
}

// ID names a goroutine of this process; none is used twice.
type ID uint64

// Current returns the goroutine that calls it, or 0 if the runtime does not tell.
//
// The runtime tells it in the first line of a stack alone. It is for one purpose: to see that
// somebody is about to wait for himself.
func Current() ID {
	var line [64]byte
	text := bytes.TrimPrefix(line[:runtime.Stack(line[:], false)], []byte("goroutine "))
	number, _, _ := bytes.Cut(text, []byte(" "))
	id, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil {
		return 0 // a runtime that writes it otherwise
	}
	return ID(id)
}
