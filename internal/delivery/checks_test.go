package delivery_test

import (
	"fmt"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/letters"
)

// enter notes what is wrong if the event at the offset is handled now. All events of its key before
// it must be done with, whichever order there was before.
func (w *world) enter(offset int64) {
	key := w.key(offset)
	wrong := func(what string, other int64) {
		if len(w.wrong) < 5 {
			w.wrong = append(w.wrong, fmt.Sprintf("key %s: %d %s %d", key, offset, what, other))
		}
	}
	if other, busy := w.keys[key]; busy {
		wrong("is handled at the same time as", other)
	}
	w.keys[key] = offset
	parked := w.parked()
	for _, l := range parked.Lane(key) {
		switch {
		case l.Offset < offset:
			wrong("overtakes the letter", l.Offset)
		case l.Offset == offset && l.Dead && !w.asked(offset):
			wrong("is handled again, though nobody asked, at position", int64(len(w.letters)))
		}
	}
	if parked.Resolved(offset) && w.parkedOf(w.letters[:w.began]).Resolved(offset) {
		wrong("was done with before the process began at position", int64(w.began))
	}
	if discarded(w.letters[:w.told], offset) {
		if w.late[offset]++; w.late[offset] > 1 { // a worker may have had it already
			wrong("was discarded, and the number of calls since is", int64(w.late[offset]))
		}
	}
	for before := range offset {
		if w.key(before) == key && !slices.Contains(w.success, before) && !parked.Resolved(before) {
			wrong("overtakes", before)
		}
	}
}

// asked reports whether somebody asked for the letter of the offset or for one of its key behind
// it, after both were written. The other one may not be handled since, and no redrive that covers
// it may have failed since.
func (w *world) asked(offset int64) bool {
	for i, r := range w.letters {
		if r.Kind != letters.Redrive || !written(w.letters[:i], offset) {
			continue
		}
		for other := offset; other < int64(len(w.records)); other++ {
			about := w.key(other) == w.key(offset) && w.covers(r, other) && written(w.letters[:i], other)
			if about && w.asks(i, other) {
				return true
			}
		}
	}
	return false
}

// asks reports whether a request at a position still asks for the letter of the offset. The runner
// may not know yet what was discarded after it began.
func (w *world) asks(position int, offset int64) bool {
	return !discarded(w.letters[:w.began], offset) &&
		!slices.ContainsFunc(w.letters, func(e letters.Entry) bool {
			return e.Kind == letters.Handled && e.Offset == offset
		}) &&
		!slices.ContainsFunc(w.letters[position:], func(e letters.Entry) bool {
			return e.Kind == letters.Failed && w.covers(e, offset)
		})
}

// covers reports whether the entry is about the letter of the offset among others.
func (w *world) covers(e letters.Entry, offset int64) bool {
	id := w.records[offset].AggregateID
	return e.Keys().In(e.Order) == letters.Key{Stream: id, Partition: eventstore.BeforeSlash.Of(id)}.In(e.Order)
}

func written(all []letters.Entry, offset int64) bool {
	return slices.ContainsFunc(all, func(e letters.Entry) bool { return e.Kind.Whole() && e.Offset == offset })
}

func discarded(all []letters.Entry, offset int64) bool {
	return slices.ContainsFunc(all, func(e letters.Entry) bool {
		return e.Kind == letters.Discarded && e.Offset == offset
	})
}
