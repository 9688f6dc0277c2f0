package main

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// slowSource waits until it is let go, and yields nothing.
type slowSource struct {
	reads atomic.Int64
	let   chan struct{}
}

func (s *slowSource) Events(
	context.Context, eventstore.Start,
) iter.Seq2[event.Stored[aggregate.Event[account.Account]], error] {
	return func(func(event.Stored[aggregate.Event[account.Account]], error) bool) {
		s.reads.Add(1)
		<-s.let
	}
}

// Many requests come while a slow read is under way. One more read answers all of them. No read
// answers a request that came after the read began.
func TestRequestsShareTheReadOfTheView(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &slowSource{let: make(chan struct{})}
		view := account.NewView(source)
		var asked sync.WaitGroup
		ask := func() {
			asked.Go(func() {
				_, err := view.Balances(t.Context())
				require.NoError(t, err)
			})
			synctest.Wait()
		}
		ask()
		for range 20 {
			ask()
		}
		require.EqualValues(t, 1, source.reads.Load())
		close(source.let)
		asked.Wait()
		require.EqualValues(t, 2, source.reads.Load())

		ask()
		asked.Wait()
		require.EqualValues(t, 3, source.reads.Load(), "who asks later sees what was committed later")
	})
}
