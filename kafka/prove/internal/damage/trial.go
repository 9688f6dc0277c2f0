package damage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/fencelog/fencelog/internal/clock"
	names "github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/topic"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The dimensions of a trial.
const (
	category       = "Account"
	partitions     = 3
	grown          = 5 // partitions of a topic that has grown
	streams        = 9
	requestTimeout = time.Second
	openTimeout    = 30 * time.Second
	callTimeout    = 10 * time.Second
	sayWithin      = 30 * time.Second // for a store to say what is gone, once it can ask the brokers again
	settleWithin   = 60 * time.Second // until brokers answer again after the damage
)

// trial is one run of a scenario.
type trial struct {
	scenario scenario
	rng      *rand.Rand
	cluster  *kafkatest.Cluster
	client   *kgo.Client // of the program that does the damage
	base     kafka.Config
	broken   Config
	topic    string
	dir      string
	logfile  *os.File

	owner, reader *view
	all           []*view // every store that the trial has had
	events        int     // given out so far
	placed        map[string]int32
	damaged       bool             // the damage is done
	after         map[string][]ack // what was acknowledged since, by stream

	log   *history.Log // what the topic holds after the damage
	tail  *topic.Tail
	found []history.Violation
}

// ack is an event that a store has acknowledged.
type ack struct {
	version int64
	event   string
	by      string
}

func newTrial(cfg Config, cluster *kafkatest.Cluster, s scenario, n int, dir string) *trial {
	t := &trial{
		scenario: s, rng: rand.New(rand.NewPCG(cfg.Seed, uint64(1000+n))), cluster: cluster, broken: cfg, dir: dir,
		placed: make(map[string]int32), after: make(map[string][]ack),
	}
	t.base = kafka.Config{
		Connection: connection.Config{
			Brokers: cluster.Brokers(), RequestTimeout: requestTimeout,
			Logger: slog.New(slog.DiscardHandler),
		},
		Topics: topics.Config{
			Prefix:     fmt.Sprintf("damage-%d", n),
			Categories: []topics.Category{{Name: category, Partitions: partitions}},
		},
		CheckEvery: time.Second,
	}
	if t.rng.IntN(2) == 0 {
		t.base.ClaimRenewal = time.Second
	}
	if s.configure != nil {
		s.configure(&t.base)
	}
	t.topic = names.Name(t.base.Topics.Prefix, category)
	return t
}

// run plays the scenario and looks at the stores. An error says why it could not be played. Then
// nothing is known.
func (t *trial) run(ctx context.Context) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	if err := t.scenario.damage(ctx, t); err != nil {
		return fmt.Errorf("the damage: %w", err)
	}
	t.damaged = true
	if err := t.consume(ctx); err != nil {
		return err
	}
	// a store with an empty index comes first, and writes at offsets where the old stores think
	// that they have written
	empty := t.rng.IntN(2) == 0
	if empty {
		t.lookAt(ctx, t.newView("empty index, first"))
	}
	for _, v := range []*view{t.owner, t.reader} {
		if v.store != nil {
			t.check(ctx, v)
			v.close()
		}
	}
	for _, v := range []*view{t.owner, t.reader} {
		t.lookAt(ctx, v.again())
	}
	t.lookAt(ctx, t.newView("empty index"))
	t.checkAcks(ctx)
	return ctx.Err()
}

// begin opens an owner and a reader and lets them work.
func (t *trial) begin(ctx context.Context) error {
	var err error
	if t.logfile, err = os.Create(filepath.Join(t.dir, "stores.log")); err != nil {
		return err
	}
	t.base.Connection.Logger = slog.New(slog.NewTextHandler(t.logfile, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if t.client, err = kgo.NewClient(kgo.SeedBrokers(t.cluster.Brokers()...)); err != nil {
		return err
	}
	if _, err := topics.Create(ctx, t.base.Connection, t.base.Topics); err != nil {
		return err
	}
	t.owner, t.reader = t.newView("owner"), t.newView("reader")
	t.owner.cfg.IndexDir = filepath.Join(t.dir, "index-owner")
	t.reader.cfg.IndexDir, t.reader.claims = filepath.Join(t.dir, "index-reader"), false
	for _, v := range []*view{t.owner, t.reader} {
		if err := v.open(ctx); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	for n := range streams {
		if err := t.append(ctx, t.owner, stream(n)); err != nil {
			return err
		}
	}
	return t.work(ctx, 20+t.rng.IntN(60))
}

func (t *trial) close() {
	for _, v := range t.all {
		v.close()
	}
	if t.tail != nil {
		t.tail.Close()
	}
	if t.client != nil {
		t.client.Close()
	}
	if t.logfile != nil {
		_ = t.logfile.Close()
	}
}

func stream(n int) string { return fmt.Sprintf("%c-stream", 'a'+n) }

// work does random operations, n of them, and then lets the reader see everything.
func (t *trial) work(ctx context.Context, n int) error {
	for range n {
		s := stream(t.rng.IntN(streams))
		if t.rng.IntN(4) > 0 {
			if err := t.append(ctx, t.owner, s); err != nil {
				return err
			}
			continue
		}
		v := []*view{t.owner, t.reader}[t.rng.IntN(2)]
		if _, err := t.read(ctx, v, s); err != nil {
			return err
		}
	}
	return t.readAll(ctx)
}

// readAll reads every stream at the reader, until it has all events that the owner has.
func (t *trial) readAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	for n := range streams {
		s := stream(n)
		for {
			seen, err := t.read(ctx, t.reader, s)
			if err != nil {
				return err
			}
			if len(seen) >= len(t.owner.seen[s]) {
				break
			}
			if err := clock.Wait(ctx, pollEvery); err != nil {
				return fmt.Errorf("the reader has %d events of %s, the owner %d: %w", len(seen), s,
					len(t.owner.seen[s]), err)
			}
		}
	}
	return nil
}

// sleep closes the owner or the reader, or both, or neither, by chance.
func (t *trial) sleep() {
	for _, v := range []*view{t.owner, t.reader} {
		if t.rng.IntN(2) == 0 {
			v.close()
		}
	}
}

// consume reads the topic anew, from its beginning to its end.
func (t *trial) consume(ctx context.Context) (err error) {
	if t.tail != nil {
		t.tail.Close()
	}
	t.log = history.NewLog()
	count := int32(partitions)
	if t.scenario.grows {
		count = grown
	}
	if t.tail, err = topic.Follow(ctx, t.cluster.Brokers(), t.topic, count, t.log); err != nil {
		return err
	}
	return t.catchUp(ctx)
}

func (t *trial) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	return t.tail.CatchUp(ctx)
}

// held returns the ids of the stream's events that count, as the log has them.
func (t *trial) held(s string) []string {
	var ids []string
	for _, r := range t.log.Stream(s) {
		ids = append(ids, r.Event)
	}
	return ids
}

func (t *trial) violate(rule, where, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.found = append(t.found, history.Violation{Rule: rule, Stream: t.scenario.name + ", " + where, Text: text})
	fmt.Fprintf(t.logfile, "VIOLATION %s: %s: %s\n", rule, where, text)
}

// errNoDamage says that the damage has not shown in the log.
var errNoDamage = errors.New("the log still holds everything")

// lost reports whether the log lacks an event that a store had acknowledged or read.
func (t *trial) lost() bool {
	for _, v := range []*view{t.owner, t.reader} {
		for n := range streams {
			if _, gone := t.gone(v, stream(n)); gone {
				return true
			}
		}
	}
	return false
}

// gone returns the first version of the stream that the store had acknowledged or read, and that
// the log does not hold.
func (t *trial) gone(v *view, s string) (version int64, gone bool) {
	held := t.held(s)
	for i, event := range v.seen[s] {
		if event != "" && (i >= len(held) || held[i] != event) {
			return int64(i + 1), true
		}
	}
	return 0, false
}
