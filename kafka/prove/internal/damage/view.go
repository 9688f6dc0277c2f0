package damage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/topics"
)

// view is a store, and what it has told.
type view struct {
	trial *trial
	name  string
	cfg   kafka.Config
	store *kafka.Store        // nil while it is closed
	seen  map[string][]string // by stream: the events that it has acknowledged or yielded, by version
	said  map[int32]string    // by partition: why the store cannot be right there
	wrote map[string]bool     // streams to which it has appended since the damage

	claims bool // it owns the partitions, and does not only read
	looked bool // it was judged after the damage
}

func (t *trial) newView(name string) *view {
	v := &view{
		trial: t, name: name, cfg: t.base, claims: true, seen: make(map[string][]string), said: make(map[int32]string),
		wrote: make(map[string]bool),
	}
	t.all = append(t.all, v)
	return v
}

// again returns the view of the same store when it is opened once more, with its kept index.
func (v *view) again() *view {
	w := v.trial.newView(v.name + ", index kept")
	w.cfg, w.claims = v.cfg, v.claims
	if v.trial.scenario.grows && v.trial.rng.IntN(2) == 0 {
		w.grow()
	}
	for s, seen := range v.seen {
		w.seen[s] = slices.Clone(seen)
	}
	return w
}

// grow tells the store that the topic has more partitions.
func (v *view) grow() {
	v.cfg.Topics.Categories = []topics.Category{{Name: category, Partitions: grown}}
}

func (v *view) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	store, err := kafka.Open(broken.With(ctx, v.trial.broken.Broken), v.cfg)
	if err == nil && v.claims {
		if err = store.Claim(ctx); err != nil {
			err = errors.Join(err, store.Close())
		}
	}
	if err == nil {
		v.store = store
	}
	return err
}

func (v *view) close() {
	if v.store != nil {
		_ = v.store.Close()
		v.store = nil
	}
}

// hear notes what the store says of a partition.
func (v *view) hear(partition int32, err error) {
	if v.said[partition] == "" && honest(err) {
		v.said[partition] = err.Error()
	}
}

// listen notes what the store's status says.
func (v *view) listen() {
	for _, p := range v.store.Status() {
		if p.Err != nil && v.said[p.Partition] == "" {
			v.said[p.Partition] = p.Err.Error()
		}
	}
	for _, problem := range v.store.TopicHealth().Problems {
		for p := range int32(partitions) {
			if costsRecords(problem, p) && v.said[p] == "" {
				v.said[p] = problem.String()
			}
		}
	}
}

// costsRecords reports whether the problem says that records of the partition may be gone.
func costsRecords(p topics.Problem, partition int32) bool {
	return p.Mended || p.Property == "cleanup.policy" || strings.HasPrefix(p.Property, "beginning of partition") ||
		p.Property == fmt.Sprintf("log of partition %d", partition)
}

// honest reports whether the error says that the topic, or the index, is not as it must be.
func honest(err error) bool {
	var corrupt *kafka.CorruptError
	var off *topics.Error
	var index *kafka.IndexError
	var refused *kafka.RefusedError
	return errors.As(err, &corrupt) || errors.As(err, &off) || errors.As(err, &index) || errors.As(err, &refused)
}

// learn notes that the version of the stream is this event, unless another event was there before.
func (v *view) learn(s string, version int64, event string) {
	seen := v.seen[s]
	for int64(len(seen)) < version {
		seen = append(seen, "")
	}
	if seen[version-1] == "" { // the first event counts: if another one has replaced it since, it is gone
		seen[version-1] = event
	}
	v.seen[s] = seen
}

// append appends one to three events at the store.
func (t *trial) append(ctx context.Context, v *view, s string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	records := make([]eventstore.Record, 1+t.rng.IntN(3))
	for i := range records {
		t.events++
		id := fmt.Sprintf("event-%d", t.events)
		records[i] = eventstore.Record{
			Header: event.Header{ID: id, Type: "Damaged", Revision: 1, Timestamp: clock.Now()}, Value: []byte(id),
		}
	}
	r, err := v.store.Append(ctx, eventstore.To(eventstore.Stream{Category: category, ID: s}, eventstore.Any,
		records...))
	if err != nil {
		v.hear(t.placed[s], err)
		return fmt.Errorf("append to %s at %s: %w", s, v.name, err)
	}
	if _, ok := t.placed[s]; !ok {
		t.placed[s] = r.Position.Partition
	}
	for i := range records {
		version := r.First() + int64(i)
		v.learn(s, version, records[i].ID)
		if t.damaged {
			t.after[s] = append(t.after[s], ack{version, records[i].ID, v.name})
		}
	}
	return nil
}

// read returns the ids of the stream's events as the store has them.
func (t *trial) read(ctx context.Context, v *view, s string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var ids []string
	for r, err := range v.store.ReadStream(ctx, eventstore.Stream{Category: category, ID: s}, 1) {
		if err != nil {
			v.hear(t.placed[s], err)
			return nil, fmt.Errorf("read %s at %s: %w", s, v.name, err)
		}
		ids = append(ids, r.ID)
	}
	for i, id := range ids {
		v.learn(s, int64(i+1), id)
	}
	return ids, nil
}

// pollEvery is the time between two looks at something that is not ready yet.
const pollEvery = 100 * time.Millisecond
