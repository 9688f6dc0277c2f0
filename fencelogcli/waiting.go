package fencelogcli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// A wait is told when it has lasted for tellAfter, and then every tellEvery.
const (
	tellAfter = 2 * time.Second
	tellEvery = 5 * time.Second
)

// waiting tells on Stderr what the tool does, for how long already, until the returned function is
// called. It tells nothing of what is over sooner.
func (t *tool) waiting(what string) (over func()) {
	return t.telling(func() string { return what })
}

// telling is waiting for what changes. It is told by one goroutine.
func (t *tool) telling(what func() string) (over func()) {
	begun, stop := clock.Reading(), make(chan struct{})
	first, endFirst := clock.Every(tellAfter)
	further, endFurther := clock.Every(tellEvery)
	var telling sync.WaitGroup
	telling.Go(func() {
		defer endFirst()
		defer endFurther()
		for due := first; ; due = further {
			select {
			case <-due:
				fmt.Fprintf(t.Stderr, "%s (%.0f s)\n", what(), time.Since(begun).Seconds())
			case <-stop:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(stop)
		telling.Wait()
	})
}

// lines lets several goroutines write lines.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(text)
}
