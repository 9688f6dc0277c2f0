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
	if e.Kind == Rewound || e.LetterID != h.Of && !h.asked(&e) {
		return
	}
	if e.Kind.Whole() && h.Letter == nil {
		h.Letter = &e
	}
	h.Traces = append(h.Traces, e.trace())
}

// asked reports whether the entry asks for the letter among others.
func (h *History) asked(e *Entry) bool {
	return e.Kind == Redrive && h.Letter != nil && laneOf(e.LetterID) == laneOf(h.Of) &&
		h.Letter.Keys().In(e.Order) == e.Keys().In(e.Order)
}
