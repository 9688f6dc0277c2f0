package eventstoretest_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func inputMutants() []mutant {
	return []mutant{
		{name: "reports one mistake only", caughtBy: caughtBy(badInput), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if one := new(eventstore.InvalidError); errors.As(err, &one) {
					err = one
				}
				return result, err
			})},
		{name: "repairs a bad revision", caughtBy: caughtBy(badInput), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				for i := range a.records {
					a.records[i].Revision = max(1, a.records[i].Revision)
				}
				return next(a)
			})},
		{name: "drops positions that callers give", caughtBy: caughtBy(badInput), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				for i := range a.records {
					a.records[i].Position = event.Position{}
				}
				return next(a)
			})},
		{name: "appends, and then complains", caughtBy: caughtBy(badInput), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if errors.Is(err, eventstore.ErrInvalid) && len(a.records) > 1 {
					a.records = []eventstore.Record{{Header: event.Header{
						Category: a.stream.Category, AggregateID: a.stream.ID, ID: "x", Type: "X", Revision: 1,
						Timestamp: time.Unix(1, 0),
					}, Value: []byte("x")}}
					_, _ = next(a)
				}
				return result, err
			})},
		{name: "ignores the context of an append", caughtBy: caughtBy(endedContext), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				a.ctx = context.WithoutCancel(a.ctx)
				return next(a)
			})},
		{
			name: "retains values", caughtBy: caughtBy(retention),
			breaks: retaining(func(r, given *eventstore.Record) { r.Value = given.Value }),
		},
		{
			name: "retains metadata", caughtBy: caughtBy(retention),
			breaks: retaining(func(r, given *eventstore.Record) { r.Metadata = given.Metadata }),
		},
		{
			name: "retains records", caughtBy: caughtBy(retention),
			breaks: retaining(func(r, given *eventstore.Record) { r.ID = given.ID }),
		},
		{name: "takes no commits of more than 999 records", caughtBy: caughtBy(largest), breaks: refusing(
			func(a appendCall) bool { return len(a.records) > 999 })},
		{
			name: "takes no commits of exactly the largest size", caughtBy: caughtBy(largest),
			breaks: refusing(func(a appendCall) bool {
				n := 0
				for _, r := range a.records {
					n += eventstore.Size(r)
				}
				return n == eventstore.MaxCommitBytes
			}),
		},
		{name: "takes no ids of 255 bytes", caughtBy: caughtBy(largest, strangest), breaks: refusing(
			func(a appendCall) bool { return len(a.stream.ID) == 255 })},
		{name: "takes no zero bytes in ids", caughtBy: caughtBy(strangest, similarNames), breaks: refusing(
			func(a appendCall) bool { return strings.Contains(a.stream.ID, "\x00") })},
	}
}

// retaining keeps records that the caller gave and may have overwritten since. The function take
// makes stored records out of them.
func retaining(take func(r, given *eventstore.Record)) func(*wrapped) {
	return func(w *wrapped) {
		kept := make(map[string]*eventstore.Record)
		appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
			result, err := next(a)
			for i := range a.records {
				kept[place(
					eventstore.Record{Header: headerOf(a.stream, result.First()+int64(i))})] = &a.given.Records[i]
			}
			return result, err
		})(w)
		w.changing(func(r *eventstore.Record) { take(r, kept[place(*r)]) })
	}
}

func refusing(what func(appendCall) bool) func(*wrapped) {
	return appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		if what(a) {
			return appendResult{}, &eventstore.InvalidError{Field: "records", Found: "too much", Want: "less"}
		}
		return next(a)
	})
}
