package letters

import "github.com/fencelog/fencelog/eventstore/subscription"

// History gathers from the whole log what happened to one letter, also to one that is not open any
// more.
type History struct {
	Of     subscription.LetterID
	Letter *Entry // the first entry that carries the event; nil if there is none
	Traces []subscription.Trace
}

// Learn takes note of the next entry of the log.
func (h *History) Learn(e Entry) {
	asked := e.Kind == Redrive && len(h.Traces) > 0 && laneOf(e.LetterID) == laneOf(h.Of) && string(e.Key) == h.key()
	if e.Kind == Rewound || e.LetterID != h.Of && !asked {
		return
	}
	if e.Kind.Whole() && h.Letter == nil {
		h.Letter = &e
	}
	h.Traces = append(h.Traces, e.trace())
}

// key returns the key of the letter, as far as it is known.
func (h *History) key() string {
	if h.Letter == nil {
		return ""
	}
	return string(h.Letter.Key)
}
