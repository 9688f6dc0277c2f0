package kafkatest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Output collects the output of a program or a logger, and can be read meanwhile. Its zero value is
// ready. Its methods may be called by any number of goroutines.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer. It never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns all the output so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// With returns the lines so far that contain each of the texts.
func (o *Output) With(texts ...string) []string {
	var found []string
	for line := range strings.Lines(o.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

// Await waits until the text is in the output. It fails the test if that takes longer than
// [DefaultPatience].
func (o *Output) Await(tb testing.TB, text string) {
	tb.Helper()
	await(tb, func() string {
		if so := o.String(); !strings.Contains(so, text) {
			return fmt.Sprintf("%q was not written, but:\n%s", text, so)
		}
		return ""
	})
}

// DefaultPatience bounds the waits of this package on behalf of a test. It is much longer than
// anything should take: machines that run tests are busy.
const DefaultPatience = 3 * time.Minute

// await calls left until that returns nothing to wait for.
func await(tb testing.TB, left func() string) {
	tb.Helper()
	const pause = 5 * time.Millisecond
	late := time.NewTimer(DefaultPatience)
	defer late.Stop()
	again := time.NewTicker(pause)
	defer again.Stop()
	for {
		what := left()
		if what == "" {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			tb.Fatalf("kafkatest: after %s %s", DefaultPatience, what)
		case <-tb.Context().Done():
			tb.Fatalf("kafkatest: the test ends, and %s", what)
		}
	}
}
