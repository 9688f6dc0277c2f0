package index

import (
	"errors"

	"github.com/fencelog/fencelog/eventstore"
)

// Close saves what is in memory and closes the index. Every later use of it fails with
// eventstore.ErrClosed.
//
// Close fails with an *[UnusableError] if the disk has failed, or fails now. The next start then
// reads all that is not saved from the log again. Every call returns the same error.
func (s *Store) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		if s.ended == nil {
			s.closeErr = s.shut()
		} else {
			s.closeErr = s.ended
		}
		s.ended = eventstore.ErrClosed
	}
	err := s.closeErr
	s.mu.Unlock()
	<-s.watched
	return err
}

// Err returns nil, or the *[UnusableError] with which the disk has failed. After a failure the
// index is of no more use.
func (s *Store) Err() error { return s.disk.err() }

// over returns nil, or why the database is not to be used any more. s.mu is held.
func (s *Store) over() error {
	if s.ended != nil {
		return s.ended
	}
	return s.disk.err()
}

// Failed returns a channel that is closed when the disk fails: Err says how.
func (s *Store) Failed() <-chan struct{} { return s.disk.failed }

// watch closes the database as soon as the disk fails, and wakes all who wait for more. It ends
// when the database is closed.
func (s *Store) watch() {
	defer close(s.watched)
	select {
	case <-s.closing:
		return
	case <-s.disk.failed:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return
	}
	s.ended = s.disk.err()
	s.logger.Error("index is given up, and will be read again from the topics from its last checkpoint on",
		"error", s.ended)
	_ = s.shut() // it is the same error
	for _, p := range s.partitions {
		p.Wake()
	}
}

// shut saves what is in memory, unless the disk has failed, and frees all that the store holds.
// s.mu is held, or nobody else has the store yet.
func (s *Store) shut() error {
	close(s.closing)
	s.working.Wait()
	var errs []error
	if s.db != nil {
		for _, p := range s.partitions {
			errs = append(errs, p.saveAll())
		}
		s.iterators.outdate() // a database with open iterators cannot be closed
		errs = append(errs, s.flush(), s.db.Close())
	}
	if s.files != nil {
		errs = append(errs, s.files.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if failure := s.disk.err(); failure != nil {
		return failure // and what else failed followed from it
	}
	return errors.Join(errs...)
}

// flush writes what is in memtables to the disk.
func (s *Store) flush() error {
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-s.disk.failed:
		return s.disk.err()
	}
}

// maxUnmerged bounds the layers of tables that are not merged yet: a look-up may have to look into
// each.
const maxUnmerged = 12

// awaitMerging waits until there are so few unmerged tables that more can be added. It fails if the
// disk has failed. Pebble could wait as well, but it would wait for ever for tables that it cannot
// read.
func (s *Store) awaitMerging() error {
	if s.unmerged() < maxUnmerged {
		return s.disk.err()
	}
	merged := make(chan struct{}, 1)
	defer s.merged.Listen(merged)()
	for s.disk.err() == nil && s.unmerged() >= maxUnmerged {
		select {
		case <-merged:
		case <-s.disk.failed:
		}
	}
	return s.disk.err()
}

func (s *Store) unmerged() int32 { return s.db.Metrics().Levels[0].Sublevels }
