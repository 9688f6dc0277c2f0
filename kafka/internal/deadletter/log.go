package deadletter

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Log reads the dead-letter topic. If a broker is away, its methods ask again until ctx ends.
type Log struct{ log log.Log }

// NewLog returns a reader of the topic. The caller disconnects the client.
func NewLog(c *client.Client, topic string) *Log {
	return &Log{log: log.Log{Client: c, Pool: c.Reading, Topic: topic}}
}

// Topic returns the topic's name.
func (l *Log) Topic() string { return l.log.Topic }

// Read calls use with some entries from an offset on, and returns the offset to read from next. If
// there are none yet, it waits a moment. It calls other with every record that is no entry. If Read
// fails, it has called neither function.
func (l *Log) Read(
	ctx context.Context, from int64, use func(letters.Entry), other func(offset int64, err error),
) (next int64, err error) {
	records, next, err := l.log.Read(ctx, from)
	if err != nil {
		return from, err
	}
	for _, r := range records {
		e, err := Decode(r.Record)
		if err != nil {
			other(r.Offset, err)
			continue
		}
		e.Position = r.Offset
		use(e)
	}
	return next, nil
}

// Ends returns the offsets at which the topic begins and ends now.
func (l *Log) Ends(ctx context.Context) (begin, end int64, err error) { return l.log.Ends(ctx) }

// ErrDeleted says that dead letters were deleted, so nobody knows which ones there were.
var ErrDeleted = errors.New("dead letters were deleted")

// End returns the offset at which the topic ends now. It fails with [ErrDeleted] if the topic does
// not begin at its first record.
func (l *Log) End(ctx context.Context) (int64, error) {
	begin, end, err := l.log.Ends(ctx)
	if err == nil && begin > 0 {
		err = &log.CorruptError{
			Topic: l.log.Topic, Cause: ErrDeleted,
			Found: fmt.Sprintf("the topic begins at offset %d, expected 0: dead letters were deleted; restore it, "+
				"and set retention.ms and retention.bytes to -1", begin),
		}
	}
	return end, err
}

// At returns the entry at a position.
func (l *Log) At(ctx context.Context, position int64) (letters.Entry, error) {
	records, err := l.log.At(ctx, position)
	if err != nil {
		return letters.Entry{}, err
	}
	for _, r := range records {
		if r.Offset == position {
			e, err := Decode(r.Record)
			e.Position = position
			return e, err
		}
	}
	return letters.Entry{}, fmt.Errorf("%s has no dead letter at offset %d", l.log.Topic, position)
}

// Letter returns the entry at a position, and the event in it.
func (l *Log) Letter(ctx context.Context, position int64) (letters.Entry, eventstore.Record, error) {
	e, err := l.At(ctx, position)
	if err != nil {
		return e, eventstore.Record{}, err
	}
	r, err := Event(&e)
	return e, r, err
}

// Event returns the event in an entry that carries one.
func Event(e *letters.Entry) (eventstore.Record, error) {
	raw := &sarama.Record{Key: e.Key, Value: e.Value}
	for _, h := range e.Headers {
		raw.Headers = append(raw.Headers, &sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
	}
	r, err := wire.Decode(raw)
	r.Position = event.Position{Partition: e.Partition, Offset: e.Offset}
	return r, err
}
