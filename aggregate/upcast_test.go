package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Customer is the state.
type Customer struct {
	First, Last, Email string
	Steps              int // how many events were applied
}

type (
	named     struct{ First, Last string }
	contacted struct{ Email string }

	// namedV1 and namedV2 are how named was stored.
	namedV1 struct{ Name string }
	namedV2 struct{ Name, Email string }
	// signedUp is no longer written.
	signedUp struct{ Mail string }
)

func (named) EventType() string       { return "Named" }
func (contacted) EventType() string   { return "Contacted" }
func (e named) Apply(c *Customer)     { c.First, c.Last, c.Steps = e.First, e.Last, c.Steps+1 }
func (e contacted) Apply(c *Customer) { c.Email, c.Steps = e.Email, c.Steps+1 }

func fromV2(old namedV2) []aggregate.Event[Customer] {
	first, last, _ := strings.Cut(old.Name, " ")
	return []aggregate.Event[Customer]{named{first, last}, contacted{old.Email}}
}

func fromV1(old namedV1) []namedV2 { return []namedV2{{old.Name, "unknown"}, {old.Name, "asked"}} }

func fromSignedUp(old signedUp) []aggregate.Event[Customer] {
	return []aggregate.Event[Customer]{contacted{old.Mail}}
}

func customers() *aggregate.Type[Customer] {
	return aggregate.NewType("Customer", named{}, contacted{}).Upcasting(
		aggregate.Before(aggregate.Upcast("Named", 2, fromV2), 1, fromV1),
		aggregate.Upcast("SignedUp", aggregate.EveryRevision, fromSignedUp))
}

// stored appends an event as an earlier release stored it.
func stored(t *testing.T, store eventstore.Store, name string, revision int, json string) {
	t.Helper()
	_, err := store.Append(t.Context(),
		eventstore.To(eventstore.Stream{Category: "Customer", ID: "c"}, eventstore.Any, eventstore.Record{
			Value: []byte(json),
			Header: event.Header{
				ID: name + json, Type: name, Revision: revision, CorrelationID: "r",
				Timestamp: time.Unix(1_700_000_000, 0),
			},
		}))
	require.NoError(t, err)
}

func customerRepository(
	t *testing.T, typ *aggregate.Type[Customer], store eventstore.Store,
) *aggregate.Repository[Customer] {
	t.Helper()
	r, err := aggregate.NewRepository(t.Context(), typ, store, jsonCodec{}, aggregate.Config{})
	require.NoError(t, err)
	return r
}

func TestUpcasting(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	stored(t, store, "Named", 1, `{"Name":"Ann Lee"}`)
	stored(t, store, "Named", 2, `{"Name":"Ann Poe","Email":"poe@x"}`)
	stored(t, store, "SignedUp", 7, `{"Mail":"ann@x"}`)
	stored(t, store, "Named", 3, `{"First":"Bo","Last":"Ray"}`)
	stored(t, store, "Contacted", 1, `{"Email":"bo@x"}`)
	r := customerRepository(t, customers(), store)

	var got []string
	for e, err := range r.History(t.Context(), "c", 1) {
		require.NoError(t, err)
		got = append(got, fmt.Sprintf("%d %s.%d %v", e.AggregateVersion, e.Type, e.Revision, e.Events))
	}
	require.Equal(t, []string{
		"1 Named.1 [{Ann Lee} {unknown} {Ann Lee} {asked}]",
		"2 Named.2 [{Ann Poe} {poe@x}]",
		"3 SignedUp.7 [{ann@x}]",
		"4 Named.3 [{Bo Ray}]",
		"5 Contacted.1 [{bo@x}]",
	}, got)

	root, err := r.Load(t.Context(), "c")
	require.NoError(t, err)
	require.Equal(t, Customer{"Bo", "Ray", "bo@x", 9}, root.State(), "each event is applied once")
	require.EqualValues(t, 5, root.Version(), "the several share a version")

	// The next event follows the stored ones.
	require.NoError(t, errOf(r.Update(t.Context(), "c", func(Customer) ([]aggregate.Event[Customer], error) {
		return []aggregate.Event[Customer]{contacted{"new@x"}}, nil
	})))
	root, err = r.Load(t.Context(), "c")
	require.NoError(t, err)
	require.EqualValues(t, 6, root.Version())
}

// A reader may stop anywhere, and go on after its position. It gets every event once, and the
// several events together.
func TestUpcastSeveralEvents(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	stored(t, store, "Named", 2, `{"Name":"Ann Poe","Email":"poe@x"}`)
	stored(t, store, "Named", 3, `{"First":"Bo","Last":"Ray"}`)
	stored(t, store, "Named", 2, `{"Name":"Cy Roe","Email":"roe@x"}`)
	r := customerRepository(t, customers(), store)
	want := []aggregate.Event[Customer]{
		named{"Ann", "Poe"}, contacted{"poe@x"}, named{"Bo", "Ray"}, named{"Cy", "Roe"}, contacted{"roe@x"},
	}
	type read func(context.Context, eventstore.Start) iter.Seq2[event.Stored[aggregate.Event[Customer]], error]
	for name, read := range map[string]read{"Events": r.Events, "Follow": r.Follow} {
		cursor := make(eventstore.Cursor)
		var got []aggregate.Event[Customer]
		for range 3 {
			for e, err := range read(t.Context(), eventstore.After(cursor)) {
				require.NoError(t, err)
				got = append(got, e.Events...)
				cursor.Advance(e.Position)
				break
			}
		}
		require.Equal(t, want, got, name)
	}
}

// A subscription's handler gets the several events at once. It gets them again if it failed.
func TestUpcastHandler(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	stored(t, store, "Named", 2, `{"Name":"Ann Poe","Email":"poe@x"}`)
	r := customerRepository(t, customers(), store)
	var record eventstore.Record
	for rec, err := range store.ReadCategory(t.Context(), "Customer", eventstore.Start{}) {
		require.NoError(t, err)
		record = rec
	}
	broken := errors.New("broken")
	fail := broken
	var handled []string
	handle := r.Handler(func(_ context.Context, e event.Stored[aggregate.Event[Customer]]) error {
		handled = append(handled, fmt.Sprint(e.Type, " ", e.Events))
		return fail
	})
	require.ErrorIs(t, handle(t.Context(), record), broken)
	fail = nil
	require.NoError(t, handle(t.Context(), record))
	require.Equal(t, []string{"Named [{Ann Poe} {poe@x}]", "Named [{Ann Poe} {poe@x}]"}, handled)
}

func TestUpcastRevisions(t *testing.T) {
	t.Parallel()
	var found []string
	for _, s := range customers().Stored() {
		found = append(found, fmt.Sprintf("%s.%s %d %s", s.Category, s.Name, s.Revision, s.Go))
	}
	require.Equal(t, []string{
		"Customer.Contacted 0 aggregate_test.contacted", "Customer.Named 0 aggregate_test.named",
		"Customer.Named 1 aggregate_test.namedV1", "Customer.Named 2 aggregate_test.namedV2",
		"Customer.SignedUp 0 aggregate_test.signedUp",
	}, found)
	require.Len(t, customers().Events(), 2, "of which two are written")
	plain := aggregate.NewType("Customer", named{}, contacted{})
	_ = plain.Upcasting(aggregate.Upcast("Named", 2, fromV2))
	require.Len(t, plain.Stored(), 2, "a type stays as it was")
}

func TestUpcastErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		revision int
		up       func(namedV1) []aggregate.Event[Customer]
		says     string
	}{
		"nothing": {1, func(namedV1) []aggregate.Event[Customer] { return nil }, "made nothing of it"},
		"not listed": {
			1, func(namedV1) []aggregate.Event[Customer] { return []aggregate.Event[Customer]{strange{}} },
			"not among the events",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			stored(t, store, "Named", c.revision, `{}`)
			typ := aggregate.NewType("Customer", named{}, contacted{}).Upcasting(aggregate.Upcast("Named", 1, c.up))
			_, err := customerRepository(t, typ, store).Load(t.Context(), "c")
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "Customer/c version 1 at")
			var e *aggregate.DecodeError
			require.True(t, errors.As(err, &e))
		})
	}
}

type strange struct{}

func (strange) EventType() string { return "Strange" }
func (strange) Apply(*Customer)   {}

func TestUpcastingMistakes(t *testing.T) {
	t.Parallel()
	v2 := aggregate.Upcast("Named", 2, fromV2)
	typ := aggregate.NewType("Customer", named{}, contacted{}).Upcasting(
		aggregate.Before(v2, 2, fromV1),
		aggregate.Upcast("Contacted", aggregate.EveryRevision, fromV2),
		aggregate.Upcast("Contacted", -1, fromV2),
		aggregate.Upcast("a name", 1, fromV2),
		aggregate.Upcast[Customer, namedV2]("Contacted", 1, nil),
		aggregate.Upcast("Contacted", 2, func(string) []aggregate.Event[Customer] { return nil }),
	)
	_, err := aggregate.NewRepository(context.Background(), typ, newStore(t), jsonCodec{}, aggregate.Config{})
	for _, says := range []string{
		`there are two up to revision 2`, `of every revision, but aggregate_test.contacted is written`,
		`up to revision -1`, `upcaster of "a name"`, `no function given`, `reads string, a string`,
	} {
		require.ErrorContains(t, err, says)
	}
	typ = aggregate.NewType("Customer", named{}).Upcasting(aggregate.Before(v2, 5, fromV1))
	require.ErrorContains(t, typ.Err(), "up to revision 5 stands before the one up to revision 2")
}
