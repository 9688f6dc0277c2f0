package kafka

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// Claim makes this store the owner of the partitions, and returns once the store can append. With
// [Config.Sharing] these are the partitions that the group assigns to this instance, otherwise all.
//
// Claim takes the partitions from the store that owns them now. That store's appends fail with
// [eventstore.ErrNotOwner] from then on. If several stores claim at the same time, all succeed, one
// after the other. The last one then owns the partitions.
//
// A service calls Claim last, when its schemas are bound, its handlers are registered and its
// listener is open. So a service that cannot start takes nothing from the one that runs.
//
// Claim may be called more than once and concurrently. After it has succeeded it does nothing. If
// it fails, the store owns nothing and follows, and Claim may be called again. Claim waits for
// brokers that are away. It fails
//   - with [eventstore.ErrClosed] if the store is closed;
//   - with *[CorruptError] if a topic holds data that this library cannot have written;
//   - with [connection.ErrPermission] or [connection.ErrSecurity] if brokers refuse it for good;
//   - if ctx ends.
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

// claim claims all partitions, or joins the instances that share them.
func (s *Store) claim(ctx context.Context) error {
	if s.cfg.Sharing.on() {
		return share(ctx, s)
	}
	return s.each(ctx, storedPartition.Own)
}

// unclaim gives up the partitions that were claimed before a claim failed.
func (s *Store) unclaim(ctx context.Context) {
	shared := s.ownership.Swap(nil)
	shared.stop()
	shared.leave()
	_ = s.each(context.WithoutCancel(ctx), func(p storedPartition, ctx context.Context) error {
		p.Release(ctx)
		return nil
	})
}

// whileOpen returns a context that ends when ctx ends, or with ErrClosed when the store is closed.
// The caller must call end.
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
