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
	var corrupt *CorruptError
	for {
		v, err := dial.Promptly(ctx, do)
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return none, context.Cause(ctx)
		case client.Closed():
			return none, eventstore.ErrClosed
		case errors.As(err, &corrupt), errors.Is(err, sarama.ErrOffsetOutOfRange), kindOf(err) != passing:
			return none, err
		}
		_, _ = dial.Promptly(ctx, func() (struct{}, error) { return struct{}{}, client.RefreshMetadata(topic) }) // a failure shows at the next attempt
		if stopped := pause.wait(ctx); stopped != nil {
			return none, fmt.Errorf("%w; the last attempt to read: %w", stopped, err)
		}
	}
}
