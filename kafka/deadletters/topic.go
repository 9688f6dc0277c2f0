package deadletters

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Topic is the dead-letter topic of a configuration.
//
// The first call of List, Show, Redrive or Discard reads the whole topic. It keeps in memory what
// the topic says of the letters that are open, without their events: some hundred bytes each. Each
// later call reads what was written since.
type Topic struct {
	client *client.Client
	log    *deadletter.Log
	writer *deadletter.Writer

	turn   chan struct{} // is full while somebody has the ledger
	ledger letters.Ledger
	next   int64 // the ledger knows all before
}

var _ subscription.DeadLetters = (*Topic)(nil)

// Open connects to the dead-letter topic of the configurations. It fails with all mistakes of both,
// as [topics.Create] does if brokers refuse it for good, if no broker answers, and if ctx ends.
func Open(ctx context.Context, conn connection.Config, cfg topics.Config) (*Topic, error) {
	conn, wrongConnection := conn.Complete()
	cfg, wrongTopics := cfg.Complete()
	if err := errors.Join(wrongConnection, wrongTopics); err != nil {
		return nil, fmt.Errorf("kafka configuration: %w", err)
	}
	c, err := client.Connect(ctx, conn, cfg.Names())
	if err != nil {
		return nil, err
	}
	return &Topic{
		client: c, log: deadletter.NewLog(c, cfg.DeadLetters()),
		writer: deadletter.NewWriter(conn, cfg.Names(), cfg.DeadLetters(), conn.Logger),
		turn:   make(chan struct{}, 1),
	}, nil
}

// Close implements [subscription.DeadLetters]: it disconnects.
func (t *Topic) Close() error {
	t.writer.Close()
	t.client.Disconnect()
	return nil
}

// List implements [subscription.DeadLetters].
func (t *Topic) List(ctx context.Context, handler string) ([]subscription.Letter, error) {
	var all []subscription.Letter
	err := t.current(ctx, func() { all = t.ledger.List(handler) })
	return all, err
}

// Show implements [subscription.DeadLetters]. If the letter is handled or discarded by now, this
// reads the whole topic. If the event's commit has several events, Show also reads these from the
// category's topic, and the group's offset from the brokers. With ACLs it needs Read on that topic
// and Describe on the group.
func (t *Topic) Show(ctx context.Context, id subscription.LetterID) (subscription.Event, []subscription.Trace, error) {
	var open *letters.Open
	var traces []subscription.Trace
	err := t.current(ctx, func() { open, traces = t.ledger.Find(id) })
	switch {
	case err != nil:
		return subscription.Event{}, nil, err
	case open == nil:
		return t.search(ctx, id)
	}
	e, err := t.log.At(ctx, open.Position)
	if err != nil {
		return subscription.Event{}, nil, fmt.Errorf("read a dead letter from %s: %w", t.log.Topic(), err)
	}
	found, err := t.event(ctx, &e)
	return found, traces, err
}

// search is Show of a letter that is not open any more.
func (t *Topic) search(
	ctx context.Context, id subscription.LetterID,
) (subscription.Event, []subscription.Trace, error) {
	h := letters.History{Of: id}
	if _, err := t.each(ctx, 0, h.Learn); err != nil {
		return subscription.Event{}, h.Traces, err
	}
	if h.Letter == nil {
		return subscription.Event{}, h.Traces, &subscription.NoLetterError{ID: id}
	}
	found, err := t.event(ctx, h.Letter)
	return found, h.Traces, err
}

// event returns the event of a letter.
func (t *Topic) event(ctx context.Context, e *letters.Entry) (subscription.Event, error) {
	r, err := deadletter.Event(e)
	if err != nil { // its bytes are there all the same
		r = eventstore.Record{Value: e.Value, Position: r.Position}
		r.AggregateID = string(e.Key)
	}
	parts, err := t.others(ctx, e, &r)
	return subscription.Event{Record: r, Headers: e.Headers, Others: parts}, err
}

// Redrive implements [subscription.DeadLetters].
func (t *Topic) Redrive(ctx context.Context, id subscription.LetterID, reason string) error {
	return t.ask(ctx, letters.Redrive, id, reason)
}

// Discard implements [subscription.DeadLetters].
func (t *Topic) Discard(ctx context.Context, id subscription.LetterID, reason string) error {
	return t.ask(ctx, letters.Discarded, id, reason)
}

func (t *Topic) ask(ctx context.Context, kind letters.Kind, id subscription.LetterID, reason string) error {
	var open *letters.Open
	if err := t.current(ctx, func() { open, _ = t.ledger.Find(id) }); err != nil {
		return err
	}
	if open == nil {
		return &subscription.NoLetterError{ID: id}
	}
	return t.writer.Write(ctx, open.Request(kind, clock.Now(), reason))
}

// current makes the ledger learn all that the topic says now, and calls use, which may look at it.
func (t *Topic) current(ctx context.Context, use func()) error {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait until others have read dead letters from %s: %w", t.log.Topic(), context.Cause(ctx))
	}
	defer func() { <-t.turn }()
	next, err := t.each(ctx, t.next, t.ledger.Learn)
	t.next = next
	if err == nil {
		use()
	}
	return err
}

// each calls use with every entry that the topic has now, from an offset on. It returns the offset
// to go on from, also if it fails.
func (t *Topic) each(ctx context.Context, from int64, use func(letters.Entry)) (next int64, err error) {
	begin, end, err := t.log.Ends(ctx)
	next = max(from, begin)
	for err == nil && next < end && ctx.Err() == nil {
		next, err = t.log.Read(ctx, next, use, func(int64, error) {}) // others are no dead letters
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("read dead letters from %s: %w", t.log.Topic(), err)
	}
	return next, err
}
