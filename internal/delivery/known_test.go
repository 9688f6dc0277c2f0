package delivery_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/letters"
)

// A letter that an old release wrote does not say which partition key its event has. It holds up
// the later events of that key all the same.
func TestALetterOfAnOldReleaseHoldsUpItsPartitionKey(t *testing.T) {
	t.Parallel()
	w := newWorld("p/1", "p/2", "a")
	w.by, w.commit = subscription.ByPartitionKey, 1
	w.letters = []letters.Entry{{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t", Offset: 0}, Kind: letters.Dead, Key: []byte("p/1"),
	}}
	runner := w.config()
	cfg, err := subscription.Config{
		Group: "h", Category: "C", Order: w.by,
		Handler: func(ctx context.Context, r eventstore.Record) error {
			_, err := runner.Handle(ctx, r)
			return err
		},
	}.Complete([]string{"C"})
	require.NoError(t, err)
	s := delivery.NewSubscriber(cfg, delivery.Store{
		Topic: "t", Partitions: 1, PartitionKey: runner.PartitionKey,
		Next:       func(int32) int64 { return int64(len(w.records)) },
		Write:      runner.Write,
		Read:       runner.Read,
		LettersEnd: func(context.Context) (int64, error) { return 1, nil },
		Classify:   subscription.Classify,
		Reason:     func(error) string { return "" },
		Public:     func(err error) error { return err },
		Logger:     slog.New(slog.DiscardHandler),
	})
	s.Learn(w.letters[0])
	s.Learned(1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Handle(ctx, 0, 1, runner.Source, runner.Commit) }()
	w.until(t, "all are handled or set aside", func() bool { return w.commit == 3 })
	w.change(stop)
	require.NoError(t, <-ended)
	require.Equal(t, []int64{2}, w.success)
	require.Equal(t, []int64{1}, w.kinds()[letters.Waiting])
}
