package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// MaxDoubts is how many answers in a row must say that records are gone before the reader believes
// it. With the pauses between them that takes seconds. In that time a leader that was deposed
// learns of it.
const MaxDoubts = 8

// GarbledFetches is how many fetches in a row must bring bytes that are no batches before the
// reader believes that the partition holds them. A connection may have garbled the bytes.
const GarbledFetches = 4

// patiently calls do again after an error that may pass, until ctx ends. It believes that records
// are gone if MaxDoubts answers in a row say so.
func patiently[T any](ctx context.Context, client sarama.Client, topic string, do func() (T, error)) (T, error) {
	var none T
	var pause retry.Backoff
	doubts := 0 // answers in a row that the offset is not in the log
	for {
		v, err := dial.Promptly(ctx, do)
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return none, context.Cause(ctx)
		case client.Closed():
			return none, eventstore.ErrClosed
		case Final(err):
			return none, err
		}
		var out *RangeError
		if !errors.As(err, &out) {
			doubts = 0
		} else if doubts++; doubts >= MaxDoubts || out.Offset < out.Begin { // deleted records do not come back
			return none, err
		}
		// if this fails, the next attempt fails too
		_, _ = dial.Promptly(ctx, func() (struct{}, error) { return struct{}{}, client.RefreshMetadata(topic) })
		if stopped := pause.Wait(ctx); stopped != nil {
			return none, fmt.Errorf("%w; the last attempt to read: %w", stopped, err)
		}
	}
}
