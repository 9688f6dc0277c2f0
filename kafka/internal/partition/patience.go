package partition

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// patiently does again what failed and may yet succeed, until ctx ends.
func patiently[T any](ctx context.Context, client sarama.Client, topic string, do func() (T, error)) (T, error) {
	var none T
	var pause backoff
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
		case final(err) && !errors.Is(err, sarama.ErrOffsetOutOfRange):
			return none, err
		}
		var out *RangeError
		if !errors.As(err, &out) {
			doubts = 0
		} else if doubts++; doubts >= maxDoubts || out.Offset < out.Begin { // what was deleted does not come back
			return none, err
		}
		_, _ = dial.Promptly(ctx, func() (struct{}, error) { return struct{}{}, client.RefreshMetadata(topic) }) // a failure shows at the next attempt
		if stopped := pause.wait(ctx); stopped != nil {
			return none, fmt.Errorf("%w; the last attempt to read: %w", stopped, err)
		}
	}
}
