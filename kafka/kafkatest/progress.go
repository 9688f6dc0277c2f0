package kafkatest

import (
	"fmt"
	"io"
	"sync"
)

// progress tells people what is going on; several goroutines may use it.
type progress struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, format+"\n", args...) // a listener that went away is no reason to stop
}
