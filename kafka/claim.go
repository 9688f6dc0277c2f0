package kafka

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// Claim makes this store the owner of the partitions, and returns once it can append: to all of
// them, or, with [Config.Sharing], to what the group assigns to this instance. It takes them from
// whoever owns them now: that store's appends fail with [eventstore.ErrNotOwner] from then on. Of
// stores that claim at the same time all succeed, one after the other, and the last one owns the
// partitions.
//
// A service calls it last, when its schemas are bound, its handlers are registered and its listener
// is open. A service that cannot start takes nothing then from the one that runs.
//
// It may be called more than once and concurrently: after it has succeeded it does nothing. If it
// fails, the store owns nothing and follows; it may be called again. It fails with
// [eventstore.ErrClosed] once the store is closed, with *[CorruptError] if a topic holds what this
// library cannot have written, with [ErrPermission] or [ErrSecurity] if brokers refuse the claim
// for good, and if ctx ends. Brokers that are away are waited for.
func (s *Store) Claim(ctx context.Context) error {
	ctx, end := s.whileOpen(ctx)
	defer end()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.claimed {
		return nil
	}
	err := s.claim(ctx)
	if err == nil {
		s.claimed = true
		return nil
	}
	s.unclaim(ctx)
	if errors.Is(context.Cause(ctx), eventstore.ErrClosed) {
		return eventstore.ErrClosed
	}
	return client.Explain(s.cfg.Connection.Security, err)
}

// claim claims everything, or joins those who share.
func (s *Store) claim(ctx context.Context) error {
	if s.cfg.Sharing.on() {
		return share(ctx, s)
	}
	return s.each(ctx, storedPartition.Own)
}

// unclaim gives up what was claimed before a claim failed.
func (s *Store) unclaim(ctx context.Context) {
	shared := s.ownership.Swap(nil)
	shared.stop()
	shared.leave()
	_ = s.each(context.WithoutCancel(ctx), func(p storedPartition, ctx context.Context) error {
		p.Release(ctx)
		return nil
	})
}

// whileOpen returns a context that ends when ctx does, or with ErrClosed when the store is closed.
// end must be called.
func (s *Store) whileOpen(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-s.closed:
			cancel(eventstore.ErrClosed)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-watched
	}
}
