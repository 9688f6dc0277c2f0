package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
)

// TopicHealth is what a store has seen of its topics while it runs.
type TopicHealth struct {
	Topics   []string       // that are looked at
	Looked   time.Time      // when brokers answered last about all of them
	Err      error          // why they could not be looked at since; nil if they were
	Problems []TopicProblem // in the order of Topics
}

// TopicProblem is one property of a topic that is not as it must be, or that was not and may have cost records.
type TopicProblem struct {
	Topic    string
	Property string // as in [Difference]; or "topic", "topic id", "beginning of partition 3", "replicas of partition 3", "log of partition 3"
	Found    string
	Want     string
	Do       string    // how to mend it
	Since    time.Time // when it was seen first
	Mended   bool      // the property is as it must be again, but records may be gone: this stays until the store is opened again
}

// String says what was found, what was expected, and what to do.
func (p TopicProblem) String() string {
	if p.Mended {
		return fmt.Sprintf("topic %s: %s was %s and is %s again, but records may be gone: %s", p.Topic, p.Property, p.Found, p.Want, p.Do)
	}
	return fmt.Sprintf("topic %s: %s is %s, expected %s: %s", p.Topic, p.Property, p.Found, p.Want, p.Do)
}

// TopicHealth returns what the store has seen of its topics. It looks every [Config].CheckEvery; this method asks no broker.
func (s *Store) TopicHealth() TopicHealth { return s.watch.health() }

// watch looks at the topics now and then while a store runs. Its own goroutine looks; health may be called by any.
type watch struct {
	cfg    Config
	client *client
	want   []Topic
	ids    map[string]string // of the topics, when the store was opened

	stop context.CancelFunc
	done chan struct{}

	// Of the watch's goroutine alone.
	missing map[string]bool // topics that the last look did not find
	patrol  *patrol

	mu       sync.Mutex
	looked   time.Time // wall clock
	answered time.Time // the same moment, to measure from
	err      error
	problems []TopicProblem
}

// newWatch begins to look. What CheckTopics found of the topics was as it must be just now.
func newWatch(ctx context.Context, s *Store, id index.Identity) (*watch, error) {
	want, err := s.cfg.Topics()
	if err != nil {
		return nil, err
	}
	w := &watch{
		cfg: s.cfg, client: s.client, want: want, ids: make(map[string]string), missing: make(map[string]bool),
		done: make(chan struct{}), looked: clock.Now(), answered: clock.Reading(), patrol: newPatrol(s),
	}
	for name, t := range id.Topics {
		w.ids[name] = t.ID
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	go w.run(ctx)
	return w, nil
}

func (w *watch) run(ctx context.Context) {
	defer close(w.done)
	due, end := clock.Every(w.cfg.CheckEvery)
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

// end stops looking. A request under way ends when the client is closed: wait waits for that.
func (w *watch) end() {
	if w != nil {
		w.stop()
	}
}

func (w *watch) wait() {
	if w != nil {
		<-w.done
	}
}

func (w *watch) health() TopicHealth {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := TopicHealth{Looked: w.looked, Err: w.err, Problems: slices.Clone(w.problems)}
	for _, t := range w.want {
		h.Topics = append(h.Topics, t.Name)
	}
	silent := time.Since(w.answered).Round(time.Second)
	if late := w.cfg.CheckEvery + w.cfg.RequestTimeout; h.Err == nil && silent > late {
		h.Err = fmt.Errorf("no broker has answered about the topics for %s", silent)
	}
	return h
}

// note compares what was found with what was known, and tells each change once.
func (w *watch) note(found []TopicProblem, err error) {
	w.mu.Lock()
	failed := err != nil && w.err == nil
	again := err == nil && w.err != nil
	w.err = err
	var changes []TopicChange
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
			w.cfg.Logger.Error("topic is as it must be again, but records may be gone", "topic", c.Topic, "problem", c.String())
		default:
			w.cfg.Logger.Error("topic is not as it must be", "topic", c.Topic, "problem", c.String())
		}
		if w.cfg.Hooks.Topic != nil {
			w.cfg.Hooks.Topic(c)
		}
	}
}

// merge returns the problems there are now, and how they differ from those that were known.
func merge(known, found []TopicProblem, now time.Time) (all []TopicProblem, changes []TopicChange) {
	at := func(in []TopicProblem, p TopicProblem) int {
		return slices.IndexFunc(in, func(o TopicProblem) bool { return o.Topic == p.Topic && o.Property == p.Property })
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
		changes = append(changes, TopicChange{TopicProblem: p})
	}
	for _, p := range known {
		switch {
		case at(found, p) >= 0:
		case p.Mended:
			all = append(all, p)
		case costsRecords(p.Property):
			p.Mended = true
			all = append(all, p)
			changes = append(changes, TopicChange{TopicProblem: p})
		default:
			changes = append(changes, TopicChange{TopicProblem: p, Over: true})
		}
	}
	slices.SortStableFunc(all, func(a, b TopicProblem) int { return strings.Compare(a.Topic, b.Topic) })
	return all, changes
}
