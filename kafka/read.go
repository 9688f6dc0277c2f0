package kafka

import (
	"context"
	"iter"

	"github.com/fencelog/fencelog/eventstore"
)

// ReadStream implements [eventstore.Store]. It reads the index and asks no broker. If another
// process owns the partition, its last appends may not have arrived here.
func (s *Store) ReadStream(
	ctx context.Context, stream eventstore.Stream, from int64,
) iter.Seq2[eventstore.Record, error] {
	p, err := s.readable(ctx, stream)
	if err != nil {
		return failing(err)
	}
	if err := p.Readable(); err != nil {
		return failing(public(err))
	}
	return s.under(ctx, p.index.Stream(stream.ID, from))
}

// ReadCategory implements [eventstore.Store]. It reads the topic, one partition after another. A
// partition in which there is nothing after start costs no request.
func (s *Store) ReadCategory(
	ctx context.Context, category string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	c, err := s.category(ctx, category)
	if err != nil {
		return failing(err)
	}
	parts := make([]iter.Seq2[eventstore.Record, error], len(c.partitions))
	for i, p := range c.partitions {
		if err := p.Readable(); err != nil {
			return failing(public(err))
		}
		parts[i] = p.reader.Read(ctx, start)
	}
	return s.under(ctx, parts...)
}

// failing yields nothing but an error.
func failing(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}

// under yields all that parts yield, one part after another, until ctx ends or the store is closed.
// The error of that is then the last pair, also if there is nothing else to yield.
func (s *Store) under(
	ctx context.Context, parts ...iter.Seq2[eventstore.Record, error],
) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		if err := s.over(ctx); err != nil {
			yield(eventstore.Record{}, err)
			return
		}
		for _, part := range parts {
			for r, err := range part {
				if ended := s.over(ctx); ended != nil { // this may be the reason for err
					r, err = eventstore.Record{}, ended
				}
				if err != nil {
					yield(eventstore.Record{}, public(err))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// over returns nil, or why nobody may ask the store for anything any more.
func (s *Store) over(ctx context.Context) error {
	select {
	case <-s.closed:
		return eventstore.ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
