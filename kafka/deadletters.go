package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
	"github.com/fencelog/fencelog/kafka/internal/partition"
)

// ErrNoDeadLetter says that there is no such dead letter, or it was handled or discarded; see
// [NoDeadLetterError].
var ErrNoDeadLetter = errors.New("no such dead letter")

// NoDeadLetterError says which dead letter was not found. It matches [ErrNoDeadLetter].
type NoDeadLetterError struct{ ID DeadLetterID }

// Error says what was looked for, and what to do.
func (e *NoDeadLetterError) Error() string {
	return fmt.Sprintf("no dead letter %s: it was never one, or was handled or discarded; list them to see those there are", e.ID)
}

// Is matches [ErrNoDeadLetter].
func (e *NoDeadLetterError) Is(target error) bool { return target == ErrNoDeadLetter }

// DeadLetterID names a dead letter: an event, by its place, and the handler that did not get it
// done.
type DeadLetterID struct {
	Handler   string // the consumer group
	Topic     string
	Partition int32
	Offset    int64
}

// String returns the id as "handler/topic/partition/offset".
func (id DeadLetterID) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", id.Handler, id.Topic, id.Partition, id.Offset)
}

// ParseDeadLetterID reads what String returns.
func ParseDeadLetterID(text string) (DeadLetterID, error) {
	wrong := fmt.Errorf("dead letter id %q: expected handler/topic/partition/offset", text)
	parts := strings.Split(text, "/")
	n := len(parts)
	if n < 4 {
		return DeadLetterID{}, wrong
	}
	partition, err := strconv.ParseInt(parts[n-2], 10, 32)
	if err != nil {
		return DeadLetterID{}, wrong
	}
	offset, err := strconv.ParseInt(parts[n-1], 10, 64)
	if err != nil {
		return DeadLetterID{}, wrong
	}
	return DeadLetterID{
		Handler: strings.Join(parts[:n-3], "/"), Topic: parts[n-3], Partition: int32(partition), Offset: offset,
	}, nil
}

// DeadLetter is an event that a handler did not get done, or that waits behind one of its
// aggregate.
type DeadLetter struct {
	ID       DeadLetterID
	Key      string    // the aggregate's id
	Waiting  bool      // the handler has not failed with it: it waits behind an earlier letter of its key
	Redrive  bool      // somebody asked for the key to be handled again, and it was not yet, or it goes on by itself
	Error    string    // the handler's, of the last attempt
	Attempts int       // so far
	First    time.Time // attempt
	Last     time.Time // attempt
	At       time.Time // when it was set aside
	SchemaID int       // in the value, if that is in Confluent's wire format; otherwise 0

	position int64 // in the dead-letter topic
}

// DeadLetterEvent is the record of a dead letter, byte for byte as it stands in its topic.
type DeadLetterEvent struct {
	Key       []byte
	Value     []byte
	Headers   []DeadLetterHeader // in their order
	Timestamp time.Time          // the event's
}

// DeadLetterHeader is one header of a record.
type DeadLetterHeader struct {
	Name  string
	Value []byte
}

// DeadLetterTrace is one thing that happened to a dead letter.
type DeadLetterTrace struct {
	At       time.Time
	What     string // "dead", "waiting", "redrive", "failed", "handled" or "discarded"
	Note     string // the handler's error, or the reason that was given
	Attempts int
}

// DeadLetters is the dead-letter topic, for those who look after it. What is asked of it is done by
// the subscriptions that run.
//
// The first call of List, Show, Redrive or Discard reads the whole topic, and keeps in memory what
// it says of the letters that are open, without their events: some hundred bytes each. Each later
// call reads what was written since. Methods may be called by any number of goroutines.
type DeadLetters struct {
	client *client.Client
	log    partition.Log
	writer *letterWriter
	turn   chan struct{} // is full while somebody has the ledger
	ledger ledger
}

// OpenDeadLetters connects to the dead-letter topic of the configuration. Errors are all mistakes
// of cfg, and brokers that do not answer.
func OpenDeadLetters(ctx context.Context, cfg Config) (*DeadLetters, error) {
	cfg, err := cfg.Complete()
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, cfg.Connection, cfg.Topics.Names())
	if err != nil {
		return nil, err
	}
	return &DeadLetters{
		client: c, log: partition.Log{Client: c, Pool: c.Reading, Topic: cfg.Topics.DeadLetters()}, writer: &letterWriter{cfg: cfg},
		turn: make(chan struct{}, 1), ledger: ledger{lanes: make(map[deadletter.ID]*lane)},
	}, nil
}

// Close disconnects. It may be called more than once; it always returns nil.
func (d *DeadLetters) Close() error {
	d.writer.close()
	d.client.Disconnect()
	return nil
}

// List returns the letters of the handler, or of all handlers if it is empty, that are neither
// handled nor discarded; in the order in which they were set aside. It knows all that the topic has
// at the time of the call.
func (d *DeadLetters) List(ctx context.Context, handler string) ([]DeadLetter, error) {
	var all []DeadLetter
	err := d.current(ctx, func() {
		for where, l := range d.ledger.lanes {
			if handler == "" || where.Handler == handler {
				all = append(all, l.list()...)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b DeadLetter) int { return cmp.Compare(a.position, b.position) })
	return all, nil
}

// Show returns the event of a letter, whole, and all that happened to the letter. If it is handled
// or discarded by now, this reads the whole topic. A letter that never was is a
// *[NoDeadLetterError].
func (d *DeadLetters) Show(ctx context.Context, id DeadLetterID) (DeadLetterEvent, []DeadLetterTrace, error) {
	var position int64
	var traces []DeadLetterTrace
	found := false
	err := d.current(ctx, func() {
		if l := d.ledger.lanes[of(id)]; l != nil && l.open[id.Offset] != nil {
			found, position, traces = true, l.open[id.Offset].position, l.tracesOf(id.Offset)
		}
	})
	switch {
	case err != nil:
		return DeadLetterEvent{}, nil, err
	case !found:
		return d.search(ctx, id)
	}
	e, err := readLetter(ctx, &d.log, position)
	if err != nil {
		return DeadLetterEvent{}, nil, fmt.Errorf("read a dead letter from %s: %w", d.log.Topic, err)
	}
	return eventIn(&e), traces, nil
}

// search is Show of a letter that is not open any more.
func (d *DeadLetters) search(ctx context.Context, id DeadLetterID) (DeadLetterEvent, []DeadLetterTrace, error) {
	var found DeadLetterEvent
	var traces []DeadLetterTrace
	_, err := d.each(ctx, 0, func(e deadletter.Entry) {
		asked := e.Kind == deadletter.Redrive && len(traces) > 0 && of(DeadLetterID(e.ID)) == of(id) && string(e.Key) == string(found.Key)
		if e.Kind == deadletter.Rewound || e.ID != deadletter.ID(id) && !asked {
			return
		}
		if e.Kind.Whole() && found.Key == nil {
			found = eventIn(&e)
		}
		traces = append(traces, traceIn(&e).DeadLetterTrace)
	})
	if err == nil && found.Key == nil {
		err = &NoDeadLetterError{ID: id}
	}
	return found, traces, err
}

func eventIn(e *deadletter.Entry) DeadLetterEvent {
	found := DeadLetterEvent{Key: e.Key, Value: e.Value, Timestamp: e.Timestamp}
	for _, h := range e.Headers {
		found.Headers = append(found.Headers, DeadLetterHeader{Name: string(h.Key), Value: h.Value})
	}
	return found
}

// Redrive asks that the letter's key is handled again: all its letters, in order, by the running
// subscription that has the partition; where one fails again, the rest stays set aside. It returns
// when the request is stored. The reason is kept with it. A letter that is handled or discarded, or
// never was, is a *[NoDeadLetterError].
func (d *DeadLetters) Redrive(ctx context.Context, id DeadLetterID, reason string) error {
	return d.ask(ctx, deadletter.Redrive, id, reason)
}

// Discard gives the event up for this handler: it is never handed to it again. What waited behind
// it goes on by itself. It returns when the request is stored. The reason is kept with it. Errors
// are as for Redrive.
func (d *DeadLetters) Discard(ctx context.Context, id DeadLetterID, reason string) error {
	return d.ask(ctx, deadletter.Discarded, id, reason)
}

func (d *DeadLetters) ask(ctx context.Context, kind deadletter.Kind, id DeadLetterID, reason string) error {
	var key string
	found := false
	err := d.current(ctx, func() {
		if l := d.ledger.lanes[of(id)]; l != nil && l.open[id.Offset] != nil {
			found, key = true, l.open[id.Offset].Key
		}
	})
	if err != nil {
		return err
	}
	if !found {
		return &NoDeadLetterError{ID: id}
	}
	return d.writer.write(ctx, &deadletter.Entry{
		ID: deadletter.ID(id), Kind: kind, Key: []byte(key), At: clock.Now(), Note: reason,
	})
}

// current makes the ledger learn all that the topic says now, and calls use, which may look at it.
func (d *DeadLetters) current(ctx context.Context, use func()) error {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait until others have read dead letters from %s: %w", d.log.Topic, context.Cause(ctx))
	}
	defer func() { <-d.turn }()
	next, err := d.each(ctx, d.ledger.next, d.ledger.learn)
	d.ledger.next = next
	if err == nil {
		use()
	}
	return err
}

// each calls use with every entry from an offset on that the topic has now, and returns the offset
// to go on from, also where it fails.
func (d *DeadLetters) each(ctx context.Context, from int64, use func(deadletter.Entry)) (next int64, err error) {
	begin, end, err := d.log.Ends(ctx)
	next = max(from, begin)
	for err == nil && next < end && ctx.Err() == nil {
		var records []partition.Raw
		var after int64
		records, after, err = d.log.Read(ctx, next)
		if err != nil {
			break
		}
		next = after
		for _, r := range records {
			if e, err := deadletter.Decode(r.Record); err == nil { // others are no dead letters
				e.Position = r.Offset
				use(e)
			}
		}
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("read dead letters from %s: %w", d.log.Topic, err)
	}
	return next, err
}
