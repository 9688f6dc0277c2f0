package kafka_test

import (
	"context"
	"testing"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// BenchmarkSubscription hands events of a topic to a handler that does nothing.
func BenchmarkSubscription(b *testing.B) {
	_, cfg := fake(b)
	s := open(b, cfg)
	const each = 500
	for i := range (b.N + each - 1) / each {
		if _, err := s.Append(b.Context(),
			eventstore.To(stream(named("s", i%50)), eventstore.Any, records(each, "")...)); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	done := make(chan struct{})
	b.ResetTimer()
	subscribe(b, s, subscription.Config{
		Group: "bench", Category: category, Concurrency: 1,
		Handler: func(context.Context, eventstore.Record) error {
			if n++; n == b.N {
				close(done)
			}
			return nil
		},
	})
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
