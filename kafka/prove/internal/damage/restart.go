package damage

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// restart ends all brokers, does something to their disks, and starts them again.
func (t *trial) restart(ctx context.Context, between func() error) error {
	if err := t.cluster.KillAll(); err != nil {
		return err
	}
	if err := between(); err != nil {
		return err
	}
	return startAgain(ctx, t.cluster.RestartAll, t.cluster.KillAll)
}

// patience is how long brokers may take until they are in sync again.
const patience = time.Minute

// startAgain starts brokers. If they are not ready for long, it kills them and starts them once
// more. Brokers of Kafka 3.5.1 need that. Such a broker gives up a replica that met another leader
// epoch than it expected ("marked as failed"). It takes the replica up when it starts anew.
func startAgain(ctx context.Context, start func(context.Context) error, kill func() error) error {
	first, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := start(first)
	if !errors.Is(err, kafkatest.ErrNotReady) || ctx.Err() != nil {
		return err
	}
	if err := kill(); err != nil {
		return err
	}
	return start(ctx)
}

// restartOne starts a broker that was killed.
func (t *trial) restartOne(ctx context.Context, n int) error {
	return startAgain(ctx, func(ctx context.Context) error { return t.cluster.Restart(ctx, n) },
		func() error { return t.cluster.Kill(n) })
}
