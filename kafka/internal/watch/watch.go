package watch

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Config is what a [Watch] needs of the store that runs it. All but Changed are required.
type Config struct {
	Client   *client.Client
	Security connection.Security // that the client uses
	Topics   []topics.Topic      // that are looked at
	IDs      map[string]string   // of the topics, when the store was opened
	Logs     []Log               // that are probed

	Every  time.Duration // between two looks
	Answer time.Duration // that a broker may take
	Logger *slog.Logger

	Changed func(topics.Change) // is called with each change, by one goroutine; default: nobody is told
}

// Watch looks at topics now and then while a store runs. One goroutine of the Watch looks. Its
// methods may be called by any number of goroutines. End and Wait do nothing if the Watch is nil.
type Watch struct {
	cfg  Config
	stop context.CancelFunc
	done chan struct{}

	// Of the watch's goroutine alone.
	missing map[string]bool // topics that the last look did not find
	patrol  *patrol

	mu       sync.Mutex
	looked   time.Time // wall clock
	answered time.Time // the same moment, to measure from
	err      error
	problems []topics.Problem
}

// Start begins to look at topics that were just found to be as they must be. It goes on until
// [Watch.End]. The end of ctx does not end it.
func Start(ctx context.Context, cfg Config) *Watch {
	w := &Watch{
		cfg: cfg, missing: make(map[string]bool), done: make(chan struct{}),
		looked: clock.Now(), answered: clock.Reading(), patrol: newPatrol(cfg.Logs, cfg.Answer),
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	go w.run(ctx)
	return w
}

func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	due, end := clock.Every(w.cfg.Every)
	defer end()
	for {
		select {
		case <-due:
		case <-ctx.Done():
			return
		}
		found, err := w.look(ctx)
		if ctx.Err() != nil {
			return
		}
		w.note(found, err)
	}
}

// End stops looking. It does not wait for a request under way, which ends when the client
// disconnects: see [Watch.Wait].
func (w *Watch) End() {
	if w != nil {
		w.stop()
	}
}

// Wait waits until a watch that was ended has stopped.
func (w *Watch) Wait() {
	if w != nil {
		<-w.done
	}
}

// Health returns what was seen of the topics. It asks no broker.
func (w *Watch) Health() topics.Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := topics.Health{Looked: w.looked, Err: w.err, Problems: slices.Clone(w.problems)}
	for _, t := range w.cfg.Topics {
		h.Topics = append(h.Topics, t.Name)
	}
	silent := time.Since(w.answered).Round(time.Second)
	if late := w.cfg.Every + w.cfg.Answer; h.Err == nil && silent > late {
		h.Err = fmt.Errorf("no broker has answered about the topics for %s", silent)
	}
	return h
}

// note compares what was found with what was known, and tells each change once.
func (w *Watch) note(found []topics.Problem, err error) {
	w.mu.Lock()
	failed := err != nil && w.err == nil
	again := err == nil && w.err != nil
	w.err = err
	var changes []topics.Change
	if err == nil {
		w.looked, w.answered = clock.Now(), clock.Reading()
		w.problems, changes = merge(w.problems, found, w.looked)
	}
	since := w.looked
	w.mu.Unlock()
	switch {
	case failed:
		w.cfg.Logger.Warn("topics cannot be looked at, what is known of them is old", "since", since, "error", err)
	case again:
		w.cfg.Logger.Info("topics can be looked at again")
	}
	for _, c := range changes {
		switch {
		case c.Over:
			w.cfg.Logger.Info("topic is as it must be again", "topic", c.Topic, "property", c.Property, "was", c.Found)
		case c.Mended:
			w.cfg.Logger.Error("topic is as it must be again, but records may be gone",
				"topic", c.Topic, "problem", c.String())
		default:
			w.cfg.Logger.Error("topic is not as it must be", "topic", c.Topic, "problem", c.String())
		}
		if w.cfg.Changed != nil {
			w.cfg.Changed(c)
		}
	}
}

// merge returns the problems there are now, and how they differ from those that were known.
func merge(known, found []topics.Problem, now time.Time) (all []topics.Problem, changes []topics.Change) {
	at := func(in []topics.Problem, p topics.Problem) int {
		return slices.IndexFunc(in, func(o topics.Problem) bool {
			return o.Topic == p.Topic && o.Property == p.Property
		})
	}
	for _, p := range found {
		p.Since = now
		if i := at(known, p); i >= 0 {
			p.Since = known[i].Since
			if !known[i].Mended && known[i].Found == p.Found {
				all = append(all, p)
				continue
			}
		}
		all = append(all, p)
		changes = append(changes, topics.Change{Problem: p})
	}
	for _, p := range known {
		switch {
		case at(found, p) >= 0:
		case p.Mended:
			all = append(all, p)
		case costsRecords(p.Property):
			p.Mended = true
			all = append(all, p)
			changes = append(changes, topics.Change{Problem: p})
		default:
			changes = append(changes, topics.Change{Problem: p, Over: true})
		}
	}
	slices.SortStableFunc(all, func(a, b topics.Problem) int { return strings.Compare(a.Topic, b.Topic) })
	return all, changes
}
