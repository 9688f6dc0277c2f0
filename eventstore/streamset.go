package eventstore

import "slices"

// streamSet is a set of streams, in the order in which they came. Most commits have few streams: to
// look at each of those costs less than a map.
type streamSet struct {
	streams []Stream
	known   map[Stream]bool // nil while there are few
	room    [fewStreams]Stream
}

const fewStreams = 8

// add adds the stream. It reports false if the set has it already.
func (s *streamSet) add(stream Stream) bool {
	if s.streams == nil {
		s.streams = s.room[:0]
	}
	if s.known == nil && len(s.streams) == fewStreams {
		s.known = make(map[Stream]bool)
		for _, known := range s.streams {
			s.known[known] = true
		}
	}
	if s.known[stream] || s.known == nil && slices.Contains(s.streams, stream) {
		return false
	}
	if s.known != nil {
		s.known[stream] = true
	}
	s.streams = append(s.streams, stream)
	return true
}
