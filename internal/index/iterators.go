package index

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// iterators keeps those iterators of the database that nobody uses: to open one costs as much as to
// look for a stream with it. An iterator shows what was saved before it was opened. So those from
// before a piece are closed when the piece is saved, which also frees the tables that they hold.
type iterators struct {
	mu    sync.Mutex
	saved uint64 // how many pieces have been saved
	idle  []*iterator
}

type iterator struct {
	*pebble.Iterator

	saved uint64 // pieces, before it was opened
}

// mostIdle bounds the iterators that are kept. Few readers use the processor at the same time.
const mostIdle = 16

// open returns an iterator of all that is saved now. It uses the filters of all tables; a Get of
// Pebble leaves out those of the last level. The caller must give it to done.
func (s *iterators) open(db *pebble.DB) (*iterator, error) {
	s.mu.Lock()
	saved := s.saved
	if n := len(s.idle); n > 0 {
		it := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return it, nil
	}
	s.mu.Unlock()
	it, err := db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, err
	}
	return &iterator{Iterator: it, saved: saved}, nil
}

// done takes an iterator back. Its user has asked for its error.
func (s *iterators) done(it *iterator) {
	if it.Error() == nil {
		s.mu.Lock()
		if it.saved == s.saved && len(s.idle) < mostIdle {
			s.idle = append(s.idle, it)
			it = nil
		}
		s.mu.Unlock()
	}
	if it != nil {
		_ = it.Close() // its error was asked for
	}
}

// outdate is called after a piece was saved, and before the piece leaves what is recent.
func (s *iterators) outdate() {
	s.mu.Lock()
	idle := s.idle
	s.saved, s.idle = s.saved+1, nil
	s.mu.Unlock()
	for _, it := range idle {
		_ = it.Close() // its error was asked for
	}
}
