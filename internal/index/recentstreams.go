package index

import (
	"hash/maphash"
	"strings"
)

// recentStreams holds the recent records of streams, by the aggregate's id. The entries of the map
// are small and have no pointers. So a lookup touches little memory, and the garbage collector
// looks at the list alone.
type recentStreams struct {
	seed   maphash.Seed
	drop   uint8            // how many bits of a hash are not used: tests make hashes the same
	places map[uint64]int32 // in list, by the hash of the id
	list   []recentStream
}

// recentStream has the recent records of a stream, from one version on, without gaps.
type recentStream struct {
	id    string // of the aggregate
	from  int64
	first recentRecord
	more  []recentRecord // those after it: most streams have none
	alike int32          // one more than the place of another stream whose id has the same hash; 0 if there is none
}

func newRecentStreams(n int) recentStreams {
	return recentStreams{
		seed: maphash.MakeSeed(), places: make(map[uint64]int32, n), list: make([]recentStream, 0, n),
	}
}

func (s *recentStreams) hash(id string) uint64 { return maphash.String(s.seed, id) >> s.drop }

// find returns the stream of an aggregate, or nil. It is valid until the next add.
func (s *recentStreams) find(id string) *recentStream {
	at, known := s.places[s.hash(id)]
	for known {
		found := &s.list[at]
		if found.id == id {
			return found
		}
		at, known = found.alike-1, found.alike > 0
	}
	return nil
}

// add adds a stream that is not in the list, with its first record, and returns it. It is valid
// until the next add.
func (s *recentStreams) add(id string, from int64, first recentRecord) *recentStream {
	added := recentStream{id: strings.Clone(id), from: from, first: first} // id may be part of something large
	hash := s.hash(id)
	if at, taken := s.places[hash]; taken {
		added.alike = at + 1
	}
	s.places[hash] = int32(len(s.list))
	s.list = append(s.list, added)
	return &s.list[len(s.list)-1]
}

func (s *recentStream) last() int64 { return s.from + int64(len(s.more)) }

// at returns the record of a version, which must be recent.
func (s *recentStream) at(version int64) []byte {
	if version == s.from {
		return s.first.encoded
	}
	return s.more[version-s.from-1].encoded
}
