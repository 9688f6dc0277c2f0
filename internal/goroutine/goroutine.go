// Package goroutine runs user code in a separate goroutine, so that the code can end nothing else.
// The code may panic, or call [runtime.Goexit], as every FailNow of package testing does.
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
	return fmt.Sprintf(
		"%s ended its goroutine (runtime.Goexit, as FailNow of package testing does): return an error instead", e.In)
}

// Apart calls f in a separate goroutine, waits for it, and returns f's error. If f panics, the
// error is a *[panics.Error]. If f ends the goroutine, it is an *[ExitError].
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
// The runtime tells it only in the first line of a stack. It has one purpose: to notice that a
// goroutine is about to wait for itself.
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
