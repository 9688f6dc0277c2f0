// Package progress tells a person what a program is doing that takes its time: at once, and again
// every few seconds for as long as it waits.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Every is how often a wait is told: who waits longer for nothing believes that nothing happens.
const Every = 5 * time.Second

// Teller writes lines of English. Several goroutines may use it.
type Teller struct {
	mu sync.Mutex
	w  io.Writer
}

// To returns a Teller that writes to w, by one goroutine at a time. nil: nobody is told.
func To(w io.Writer) *Teller {
	if w == nil {
		w = io.Discard
	}
	return &Teller{w: w}
}

// Write writes what is not a line, between lines.
func (t *Teller) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(text)
}

// Say writes a line.
func (t *Teller) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(t, format+"\n", args...) // a listener that went away is no reason to stop
}

// During says every few seconds what is being waited for, and for how long already, until the
// returned function is called. It says nothing of what is over sooner.
func (t *Teller) During(what func() string) (over func()) {
	begun, stop := time.Now(), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		ticker := time.NewTicker(Every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				t.Say("still %s (%.0f s)", what(), time.Since(begun).Seconds())
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		telling.Wait()
	}
}
