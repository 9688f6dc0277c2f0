package eventstoretest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
)

// snapshotsKept keeps snapshots of streams of similar names, and forgets them. A store may forget
// them, too, but it returns no other.
func snapshotsKept(t test, s *suite) {
	ctx := s.context(t)
	a, b := s.stream(0), s.stream(0)
	b.ID = a.ID + "x"
	kept := make(map[string]eventstore.Snapshot)
	key := func(stream eventstore.Stream, name string) string { return fmt.Sprintf("%s %q", stream, name) }
	holds := func(when string) {
		t.Helper()
		for _, stream := range []eventstore.Stream{a, b} {
			for _, name := range []string{"n", "xn", "n\x00é"} {
				found, err := s.store.Snapshot(ctx, stream, name)
				must(t, "looking for a snapshot", err)
				want := kept[key(stream, name)]
				if found.Version != 0 && (found.Version != want.Version || string(found.Value) != string(want.Value)) {
					fatal(t, when+": a snapshot is not what was kept last", found, want)
				}
				if found.Version == 0 && len(found.Value) > 0 {
					fatal(t, when+": no snapshot has a value", found)
				}
			}
		}
	}
	keep := func(stream eventstore.Stream, name string, version int64, value string) {
		t.Helper()
		snapshot := eventstore.Snapshot{Version: version, Value: []byte(value)}
		must(t, "keeping a snapshot", s.store.KeepSnapshot(ctx, stream, name, snapshot))
		kept[key(stream, name)] = snapshot
		holds("after keeping one")
	}
	holds("at first")
	for _, stream := range []eventstore.Stream{a, b} {
		s.append(ctx, t, stream, eventstore.NoStream, s.records(3, "")...)
	}
	keep(a, "n", 1, "first")
	keep(a, "xn", 3, "another name")
	keep(b, "n", 2, "another stream")
	keep(a, "n\x00é", 3, "a strange name")
	keep(a, "n", 3, "newer")
	keep(a, "n", 2, "older, and kept last")
	keep(b, "n", 2, "")
	keep(a, "xn", 1, strings.Repeat("x", eventstore.MaxSnapshotBytes))
	must(t, "forgetting", s.store.KeepSnapshot(ctx, a, "n", eventstore.Snapshot{}))
	delete(kept, key(a, "n"))
	holds("after forgetting one")
	if found, err := s.store.Snapshot(ctx, a, "n"); found.Version != 0 || err != nil {
		fatal(t, "a snapshot was forgotten and is there", found, err)
	}
	s.badSnapshotsRefused(t, a)
	holds("after bad ones")
}

// badSnapshotsRefused keeps snapshots that break a rule. The stream has three events.
func (s *suite) badSnapshotsRefused(t test, stream eventstore.Stream) {
	ctx := s.context(t)
	for what, bad := range map[string]struct {
		stream eventstore.Stream
		name   string
		eventstore.Snapshot
	}{
		"more events than there are": {stream, "n", eventstore.Snapshot{Version: 4}},
		"too many events by far":     {stream, "n", eventstore.Snapshot{Version: math.MaxInt64}},
		"a negative version":         {stream, "n", eventstore.Snapshot{Version: -1}},
		"a value and no version":     {stream, "n", eventstore.Snapshot{Value: []byte("v")}},
		"a value that is too large": {stream, "n", eventstore.Snapshot{
			Version: 1, Value: make([]byte, eventstore.MaxSnapshotBytes+1),
		}},
		"no name":          {stream, "", eventstore.Snapshot{Version: 1}},
		"a name too long":  {stream, strings.Repeat("n", eventstore.MaxIDBytes+1), eventstore.Snapshot{Version: 1}},
		"a name not UTF-8": {stream, "\xff", eventstore.Snapshot{Version: 1}},
		"no stream":        {eventstore.Stream{Category: stream.Category}, "n", eventstore.Snapshot{}},
		"no category":      {eventstore.Stream{ID: "a"}, "n", eventstore.Snapshot{}},
	} {
		err := s.store.KeepSnapshot(ctx, bad.stream, bad.name, bad.Snapshot)
		if !errors.Is(err, eventstore.ErrInvalid) {
			fatal(t, "a snapshot with "+what+" is not refused with an *InvalidError", "found", err)
		}
	}
	if _, err := s.store.Snapshot(ctx, stream, ""); !errors.Is(err, eventstore.ErrInvalid) {
		fatal(t, "a snapshot without a name is not refused with an *InvalidError", "found", err)
	}
}
