package groups

import (
	"context"
	"log/slog"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
)

// mailbox is a subscription's connections to the dead-letter topic. It reads the whole topic.
type mailbox struct {
	client *client.Client // for reading: its requests wait at the end of the topic
	log    *deadletter.Log
	writer *deadletter.Writer
}

func openLetters(ctx context.Context, cfg Config) (*mailbox, error) {
	c, err := client.Connect(ctx, cfg.Connection, cfg.Used)
	if err != nil {
		return nil, err
	}
	return &mailbox{
		client: c, log: deadletter.NewLog(c, cfg.Letters),
		writer: deadletter.NewWriter(cfg.Connection, cfg.Used, cfg.Letters, cfg.Logger),
	}, nil
}

func (l *mailbox) close() {
	l.writer.Close()
	l.client.Disconnect()
}

// run reads the topic until ctx ends, and passes the entries to the subscription.
func (l *mailbox) run(ctx context.Context, sub *delivery.Subscriber, logger *slog.Logger) {
	defer l.client.Conns.CutWhenDone(ctx)()
	other := func(offset int64, err error) {
		logger.Warn("no dead letter, and passed over", "topic", l.log.Topic(), "offset", offset, "error", err)
	}
	next := int64(0)
	for ctx.Err() == nil {
		after, err := l.log.Read(ctx, next, sub.Learn, other)
		if err != nil {
			if ctx.Err() == nil {
				logger.Error("dead letters cannot be read", "topic", l.log.Topic(), "offset", next, "error", err)
				_ = clock.Wait(ctx, longRejoin) // its end shows in the loop's condition
			}
			continue
		}
		next = after
		sub.Learned(next)
	}
}
