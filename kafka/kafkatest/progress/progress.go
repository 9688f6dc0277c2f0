// Package progress tells a person what a slow program is doing: at once, and again every few
// seconds for as long as it waits.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Every is the interval at which a wait is told. A person who sees nothing for longer believes that
// nothing happens.
const Every = 5 * time.Second

// Teller writes lines of English. Several goroutines may use it.
type Teller struct {
	mu sync.Mutex
	w  io.Writer
}

// To returns a Teller that writes to w, by one goroutine at a time. If w is nil, nobody is told.
func To(w io.Writer) *Teller {
	if w == nil {
		w = io.Discard
	}
	return &Teller{w: w}
}

// Write writes a text that is not a line, between lines.
func (t *Teller) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(text)
}

// Say writes a line.
func (t *Teller) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(t, format+"\n", args...) // a reader that went away is no reason to stop
}

// During says every few seconds what the program waits for, and for how long already, until the
// returned function is called. It says nothing of a wait that is over sooner.
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
