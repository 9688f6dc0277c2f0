package kafka

import (
	"sync"
	"time"
)

// closeGrace is the time that a closing store leaves to brokers for requests that all partitions
// share: who leads, and who coordinates. Batches in flight have connections of their own, and more
// time.
const closeGrace = 2 * time.Second

// Close closes the subscriptions, stops appending, waits for the batches in flight, hands over the
// partitions that are shared, and disconnects. It refuses commits that still wait with
// [eventstore.ErrClosed]. If brokers do not answer, Close takes a few seconds. If a batch is in
// flight, it may take the RequestTimeout of [connection.Config] longer.
//
// Close may be called more than once. If the handler of a subscription calls it, it returns nil at
// once, and the store closes when the handler has returned.
//
// Close fails with an *[IndexError] if the index could not be saved. The next start reads again
// from Kafka whatever was not saved.
func (s *Store) Close() error {
	if s.subscriptions.Within() {
		go func() { _ = s.close() }() // the next call of Close returns its error
		return nil
	}
	return s.close()
}

func (s *Store) close() error {
	s.closing.Do(func() {
		close(s.closed)
		s.watch.End()
		s.subscriptions.Close()
		defer s.client.Conns.CutAfter(closeGrace)()
		s.turn <- struct{}{} // s.closed ends a claim under way; no other claim begins
		s.giveUp()
		s.client.Disconnect()
		s.watch.Wait()
		if s.index != nil {
			s.closeErr = public(s.index.Close())
		}
	})
	return s.closeErr
}

// giveUp ends every role.
func (s *Store) giveUp() {
	shared := s.ownership.Load()
	shared.stop()
	var group sync.WaitGroup
	for _, c := range s.categories {
		for _, p := range c.partitions {
			group.Go(p.Close)
		}
	}
	group.Wait()
	shared.leave()
}
