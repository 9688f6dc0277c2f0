package eventstoretest

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// checksHold gives the store commits without records.
func checksHold(t test, s *suite) {
	ctx, stream, command := s.context(t), s.stream(0), ids.New()
	first, history := s.append(ctx, t, stream, eventstore.NoStream, digested(s.records(2, command), "d-1")...)
	_, more := s.append(ctx, t, stream, 2, s.records(1, "")...)
	history = append(history, more...)
	check := func(at eventstore.Expectation, change func(*eventstore.Commit)) error {
		c := at.Commit()
		change(&c)
		r, err := s.store.Append(ctx, c)
		if !reflect.DeepEqual(r, eventstore.Result{}) {
			fatal(t, "a check has a result", r, err)
		}
		return err
	}
	for _, ask := range []func(*eventstore.Commit){
		func(*eventstore.Commit) {},
		func(c *eventstore.Commit) { c.Unconfirmed = true },
		func(c *eventstore.Commit) { c.CommandID, c.Digest = ids.New(), "d-1" },
	} {
		must(t, "a check of the version at which a stream stands",
			check(eventstore.Expectation{Stream: stream, Version: 3}, ask))
		must(t, "a check that there is no stream", check(eventstore.Expectation{Stream: s.stream(0)}, ask))
		for _, version := range []eventstore.Expected{eventstore.NoStream, 2, 4} {
			conflicts(t, check(eventstore.Expectation{Stream: stream, Version: version}, ask), stream, version, 3)
		}
	}
	s.checksKnowCommands(ctx, t, stream, command, first)
	same(t, "a stream that was checked", s.load(ctx, t, stream), history)

	_, at := s.store.ReadQueued(ctx, stream.At(0))
	s.append(ctx, t, stream, 3, s.records(1, "")...)
	// The stream stood there after it was read, and has gone on since: either may be told.
	if _, err := s.store.Append(ctx, at.Commit()); err != nil && !errors.Is(err, eventstore.ErrConflict) {
		fatal(t, "a check of what was read a while ago neither succeeds nor fails with a *ConflictError", "found", err)
	}
	at.Version++
	if _, err := s.store.Append(ctx, at.Commit()); at.Tip != nil && !errors.Is(err, eventstore.ErrInvalid) {
		fatal(t, "a check of a tip with another version does not fail with an *InvalidError", "found", err)
	}
	late, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.store.Append(late, eventstore.To(stream, 4)); !errors.Is(err, context.Canceled) {
		fatal(t, "a check with a context that has ended does not fail with its error", "found", err)
	}
}

// checksKnowCommands asks whether a command was applied.
func (s *suite) checksKnowCommands(
	ctx context.Context, t test, stream eventstore.Stream, command string, first eventstore.Result,
) {
	first.Repeated, first.Time = true, time.Time{}
	for _, version := range []eventstore.Expected{eventstore.NoStream, 3, 7} {
		for _, digest := range []string{"", "d-1"} {
			c := eventstore.To(stream, version)
			c.CommandID, c.Digest = command, digest
			r, err := s.store.Append(ctx, c)
			must(t, "a check of a command that was applied", err)
			if !reflect.DeepEqual(r, first) {
				fatal(t, "a check of a command that was applied is not answered with its first result", r, first)
			}
		}
		c := eventstore.To(stream, version)
		c.CommandID, c.Digest = command, "d-2"
		_, err := s.store.Append(ctx, c)
		reused(t, err, eventstore.CommandReusedError{
			Stream: stream, CommandID: command, Stored: "d-1", Given: "d-2", Wrote: []eventstore.Stream{stream},
		})
	}
}
