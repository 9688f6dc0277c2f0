package aggregate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// EveryRevision is for [Upcast] of an event type that is no longer written: all its revisions are
// upcast.
const EveryRevision = 0

// Upcaster turns stored events with the shape of Old into events of today. [Upcast] and [Before]
// make one, and [Type.Upcasting] takes it.
type Upcaster[S, Old any] struct {
	steps []step[S] // the oldest last
	up    func(Old) []Event[S]
}

// step is an upcaster without the type of what it reads.
type step[S any] struct {
	event.Type
	up func(old any) []Event[S]
}

// Upcast returns the upcaster of stored events that have the durable name and a revision up to
// upTo. It is for a change of meaning, which Avro's rules cannot know of. A field that comes, goes
// or gets a wider type needs none.
//
// Old is a plain struct with the fields that revision upTo had. It may be private. The codec reads
// earlier revisions into it by its own rules.
//
// The function up returns the event, or the several events, that the stored event is in today's
// terms. It must be pure, because it runs whenever the event is read. A stored event never changes.
// So several events share the version, the position and the header of the stored one. Readers get
// them together, as one [event.Stored].
//
//	aggregate.Upcast("AccountOpened", 2, func(old accountOpenedV2) []aggregate.Event[Account] { … })
func Upcast[S, Old any](name string, upTo int, up func(Old) []Event[S]) Upcaster[S, Old] {
	t := event.Type{Name: name, Revision: upTo, Go: reflect.TypeFor[Old]()}
	s := step[S]{Type: t}
	if up != nil {
		s.up = func(old any) []Event[S] { return up(old.(Old)) }
	}
	return Upcaster[S, Old]{up: up, steps: []step[S]{s}}
}

// Before returns next with a step before it. The function up turns what was stored up to revision
// upTo into what next reads. The revision upTo is lower than the one that next reads. So each step
// knows the shape after its own, and no step is written again when another one follows.
func Before[S, Old, Older any](next Upcaster[S, Old], upTo int, up func(Older) []Old) Upcaster[S, Older] {
	chained := func(older Older) []Event[S] {
		var events []Event[S]
		for _, old := range up(older) {
			events = append(events, next.up(old)...)
		}
		return events
	}
	first := Upcast(next.steps[0].Name, upTo, chained)
	return Upcaster[S, Older]{up: chained, steps: append(slices.Clone(next.steps), first.steps...)}
}

func (u Upcaster[S, Old]) chain() []step[S] { return u.steps }

// Chain is an [Upcaster], whatever it reads.
type Chain[S any] interface{ chain() []step[S] }

// Upcasting returns a copy of t with upcasters for what was stored in earlier terms. It leaves t as
// it is.
//
// Upcasting keeps all mistakes, and [NewRepository] and Err report them at once. A mistake is
//   - two upcasters for one revision;
//   - a step of [Before] that next could never reach;
//   - a type that is no struct.
func (t *Type[S]) Upcasting(upcasters ...Chain[S]) *Type[S] {
	more := *t
	more.past = make(map[string][]step[S])
	var mistakes []error
	for _, s := range t.steps() {
		more.past[s.Name] = append(more.past[s.Name], s)
	}
	for _, u := range upcasters {
		steps := u.chain()
		for i, s := range steps {
			s.Category = t.name
			if err := more.checkStep(s); err != nil {
				mistakes = append(mistakes, err)
				continue
			}
			if i > 0 && s.Revision >= steps[i-1].Revision && steps[i-1].Revision != EveryRevision {
				mistakes = append(mistakes, fmt.Errorf("upcaster of %q: the step up to revision %d stands before "+
					"the one up to revision %d; expected an earlier one", s.Name, s.Revision, steps[i-1].Revision))
				continue
			}
			more.past[s.Name] = append(more.past[s.Name], s)
		}
	}
	for _, steps := range more.past {
		slices.SortFunc(steps, func(a, b step[S]) int { return cmp.Compare(lastOf(a.Revision), lastOf(b.Revision)) })
	}
	if err := errors.Join(mistakes...); err != nil {
		more.err = errors.Join(t.err, fmt.Errorf("aggregate type %q: %w", t.name, err))
	}
	return &more
}

// lastOf returns the last revision that an upcaster up to the given one reads.
func lastOf(revision int) int {
	if revision == EveryRevision {
		return math.MaxInt
	}
	return revision
}

func (t *Type[S]) checkStep(s step[S]) error {
	today, written := t.types.Named(t.name, s.Name)
	_, twice := t.pastOf(s.Name, s.Revision)
	switch {
	case eventstore.CheckCategory(s.Name) != nil:
		return fmt.Errorf("upcaster of %q: %w", s.Name, eventstore.CheckCategory(s.Name))
	case s.Go.Kind() != reflect.Struct:
		return fmt.Errorf("upcaster of %q: reads %s, a %s; expected a struct with the fields of revision %d", s.Name,
			s.Go, s.Go.Kind(), s.Revision)
	case s.up == nil:
		return fmt.Errorf("upcaster of %q up to revision %d: no function given", s.Name, s.Revision)
	case s.Revision < 0:
		return fmt.Errorf("upcaster of %q: up to revision %d; revisions count from 1", s.Name, s.Revision)
	case s.Revision == EveryRevision && written:
		return fmt.Errorf("upcaster of %q: of every revision, but %s is written as such; "+
			"give the last revision that meant something else", s.Name, today.Go)
	case twice:
		return fmt.Errorf("upcaster of %q: there are two up to revision %d; keep one", s.Name, s.Revision)
	}
	return nil
}

// pastOf returns the step for exactly these revisions.
func (t *Type[S]) pastOf(name string, upTo int) (step[S], bool) {
	for _, s := range t.past[name] {
		if s.Revision == upTo {
			return s, true
		}
	}
	return step[S]{}, false
}

// steps returns all upcasters, by name, the oldest first.
func (t *Type[S]) steps() []step[S] {
	var all []step[S]
	for _, steps := range t.past {
		all = append(all, steps...)
	}
	slices.SortFunc(all, func(a, b step[S]) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(lastOf(a.Revision), lastOf(b.Revision)))
	})
	return all
}

// read returns how a stored event of the name and revision is read: into the Go type, and then
// through up if there is one.
func (t *Type[S]) read(name string, revision int) (step[S], error) {
	for _, s := range t.past[name] {
		if revision <= lastOf(s.Revision) {
			return s, nil
		}
	}
	today, ok := t.types.Named(t.name, name)
	if !ok {
		return step[S]{}, fmt.Errorf("%w: no event of aggregate type %q has this name: "+
			"add it to aggregate.NewType, or deploy a version that knows it", ErrUnnamedEvent, t.name)
	}
	return step[S]{Type: today}, nil
}

// today returns the events that old is in today's terms. The value old is of the step's Go type.
func (t *Type[S]) today(s step[S], old any) ([]Event[S], error) {
	if s.up == nil {
		return []Event[S]{old.(Event[S])}, nil
	}
	events := s.up(old)
	if len(events) == 0 {
		return nil, errors.New("its upcaster made nothing of it; a stored event is one event or several")
	}
	for _, e := range events {
		if err := t.check(e); err != nil {
			return nil, fmt.Errorf("its upcaster: %w", err)
		}
	}
	return events, nil
}
