package delivery_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/letters"
)

// BenchmarkRunner hands events of a thousand keys to a handler that does nothing.
func BenchmarkRunner(b *testing.B) {
	const keys = 1000
	records := make([]eventstore.Record, keys)
	raws := make([]*raw, keys)
	for i := range records {
		records[i] = eventstore.Record{
			Header: event.Header{AggregateID: fmt.Sprint("account-", i), ID: fmt.Sprint(i)}, Value: make([]byte, 100),
		}
		raws[i] = (*raw)(&records[i])
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	next, end := int64(0), int64(b.N)
	var counts delivery.Counts
	r := delivery.New(delivery.Config{
		Handler: "h", Topic: "t", Attempts: 3, Patience: time.Hour, Concurrency: 4, MaxInFlight: 1000,
		MaxBytes: 32 << 20,
		Counts:   &counts,
		Source: func(ctx context.Context, yield func(eventstore.Record, delivery.Raw) bool) (int64, error) {
			for ; next < end; next++ {
				rec := records[next%keys]
				rec.Position.Offset = next
				if !yield(rec, raws[next%keys]) {
					return next, nil
				}
			}
			<-ctx.Done()
			return next, ctx.Err()
		},
		Handle: func(context.Context, eventstore.Record) (subscription.Verdict, error) {
			return subscription.Handled, nil
		},
		Pause: func(int) time.Duration { return time.Millisecond },
		Sleep: clock.Wait,
		Now:   clock.Now,
		Commit: func(offset int64) {
			if offset == end {
				cancel()
			}
		},
	}, 0, letters.NewParked(subscription.ByStream))
	b.ReportAllocs()
	b.ResetTimer()
	_ = r.Run(ctx)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
