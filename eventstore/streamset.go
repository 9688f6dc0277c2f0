package eventstore

import "slices"

// streamSet is a set of streams. Most commits have few streams: to look at each of those costs less
// than a map.
type streamSet struct {
	few   [8]Stream // the first ones
	n     int       // of them
	more  []Stream
	known map[Stream]bool // more
}

// add adds the stream. It reports false if the set has it already.
func (s *streamSet) add(stream Stream) bool {
	if slices.Contains(s.few[:s.n], stream) || s.known[stream] {
		return false
	}
	if s.n < len(s.few) {
		s.few[s.n] = stream
		s.n++
		return true
	}
	if s.known == nil {
		s.known = make(map[Stream]bool)
	}
	s.known[stream] = true
	s.more = append(s.more, stream)
	return true
}

// all returns the streams in the order in which they came.
func (s *streamSet) all() []Stream { return slices.Concat(s.few[:s.n], s.more) }
