package kafkatest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// waiting has the parts that are not ready yet. It may be used concurrently.
type waiting struct {
	mu    sync.Mutex
	parts []Part
	why   map[string]error // by name, why it is not ready
}

func newWaiting(parts []Part) *waiting {
	return &waiting{parts: slices.Clone(parts), why: make(map[string]error)}
}

// because remembers the last answer of a part.
func (w *waiting) because(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.why[name] = err
}

// done leaves a part out from now on.
func (w *waiting) done(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = slices.DeleteFunc(w.parts, func(p Part) bool { return p.Name() == name })
}

func (w *waiting) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, p := range w.parts {
		all = append(all, p.Name()+reason(w.why[p.Name()]))
	}
	return "waiting for " + strings.Join(all, ", ")
}

// reason says in part of a line why something is not ready. It says nothing if the reason is not
// known yet.
func reason(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return " (does not listen yet)"
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return " (" + first + ")"
}
