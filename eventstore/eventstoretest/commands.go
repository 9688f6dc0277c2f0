package eventstoretest

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// reusedCommandIDs sends commands of one id and several contents.
func reusedCommandIDs(t test, s *suite) {
	ctx := s.context(t)
	for i, x := range []struct {
		first, second string // digests
		reused        bool
	}{
		{"a1", "a1", false},
		{"a1", "a2", true},
		{"", "a1", false},
		{"a1", "", false},
		{"", "", false},
		{"0190a3c47b1e7cc39a510123456789af", "0190a3c47b1e7cc39a510123456789ae", true},
		{"not hexadecimal, as long as one: ", "0190a3c47b1e7cc39a510123456789af", true},
	} {
		stream, command := s.stream(i), ids.New()
		_, before := s.append(ctx, t, stream, eventstore.NoStream, s.records(1, "")...)
		first, want := s.append(ctx, t, stream, eventstore.Expected(1), digested(s.records(3, command), x.first)...)
		_, after := s.append(ctx, t, stream, eventstore.Expected(4), s.records(1, "")...)
		want = append(append(before, want...), after...)
		for _, expected := range []eventstore.Expected{eventstore.Any, eventstore.NoStream, 5} {
			again, err := s.store.Append(ctx,
				eventstore.To(stream, expected, digested(s.records(2, command), x.second)...))
			if x.reused {
				reused(t, err, eventstore.CommandReusedError{
					Stream: stream, CommandID: command, Stored: x.first, Given: x.second,
					Wrote: []eventstore.Stream{stream},
				})
			} else {
				must(t, "repeating a command", err)
				repeated := first
				repeated.Repeated, repeated.Time = true, time.Time{}
				if !reflect.DeepEqual(again, repeated) {
					fatal(t, "a repeated command is not answered with its first result", again, repeated)
				}
			}
			same(t, fmt.Sprintf("a stream after a command with digest %q and one with %q", x.first, x.second),
				s.load(ctx, t, stream), want)
		}
	}
}

// digested gives a commit the digest of its command.
func digested(records []eventstore.Record, digest string) []eventstore.Record {
	records[0].CommandDigest = digest
	return records
}

// reused fails unless err says which command is stored and which was given.
func reused(t test, err error, want eventstore.CommandReusedError) {
	t.Helper()
	var found *eventstore.CommandReusedError
	if !errors.As(err, &found) {
		fatal(t, "a command with the id of another one does not fail with a *CommandReusedError", "found", err,
			"expected", &want)
	}
	if !reflect.DeepEqual(*found, want) || !errors.Is(err, eventstore.ErrCommandReused) {
		fatal(t, "a *CommandReusedError does not carry the facts", "found", err, "expected", &want)
	}
}
