package kafka_test

import (
	"context"
	"iter"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// queuedTip is the end of a stream as ReadQueued saw it. Its methods rest on that end.
type queuedTip struct {
	store *kafka.Store
	at    eventstore.Expectation
}

// readQueued reads a stream, and what is queued for it.
func readQueued(
	s *kafka.Store, ctx context.Context, stream eventstore.Stream, from int64,
) (iter.Seq2[eventstore.Record, error], queuedTip) {
	all, at := s.ReadQueued(ctx, stream.At(from-1))
	return all, queuedTip{s, at}
}

// Append appends what was decided on the stream.
func (t queuedTip) Append(ctx context.Context, rs ...eventstore.Record) (eventstore.Result, error) {
	return t.store.Append(ctx, t.at.Commit(rs...))
}

// Await checks that the stream stood at the tip after it was read.
func (t queuedTip) Await(ctx context.Context) error {
	_, err := t.store.Append(ctx, t.at.Commit())
	return err
}

// Stored waits until what was read is stored.
func (t queuedTip) Stored(ctx context.Context) error {
	c := t.at.Commit()
	c.Unconfirmed = true
	_, err := t.store.Append(ctx, c)
	return err
}

// errOf returns the error of a command or an update.
func errOf(_ eventstore.Outcome, err error) error { return err }
