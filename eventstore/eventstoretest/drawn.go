package eventstoretest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// DrawCommit draws a commit to a category: within the bounds of [eventstore.Check], at the bounds,
// and now and then beyond them. Only Check tells which. Event and command ids are unique if Check
// takes them.
func DrawCommit(t *rapid.T, category string) (eventstore.Stream, []eventstore.Record) {
	run := ids.New()
	stream := eventstore.Stream{Category: category, ID: unique(t, run, "aggregate id")}
	records := make([]eventstore.Record, rapid.OneOf(rapid.IntRange(1, 3), rapid.Just(20)).Draw(t, "records"))
	command := ""
	if rapid.Bool().Draw(t, "of a command") {
		command = unique(t, run, "command id")
	}
	for i := range records {
		records[i] = eventstore.Record{
			Header: event.Header{
				ID: unique(t, fmt.Sprintf("%s.%02d", run, i), "event id"),
				Type: rapid.OneOf(rapid.SampledFrom(boundedNames()),
					rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,20}`)).Draw(t, "event type"),
				Revision:           drawRevision(t),
				Timestamp:          drawTime(t),
				CorrelationID:      drawBounded(t, "correlation id"),
				CausationID:        drawBounded(t, "causation id"),
				CommandID:          command,
				CommandCausationID: drawBounded(t, "command's causation id"),
				ActorID:            drawBounded(t, "actor id"),
				TraceParent:        drawBounded(t, "traceparent"),
				Metadata: rapid.OneOf(rapid.Custom(drawMetadata), rapid.Custom(manyEntries)).Draw(t,
					"metadata"),
			},
			Value: rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 1, 40),
				rapid.SampledFrom([][]byte{{0}, {0xff}, {0, 0}, make([]byte, 70_000)})).Draw(t, "value"),
		}
	}
	if command != "" {
		records[0].CommandDigest = drawDigest(t)
	}
	if rapid.Bool().Draw(t, "about the bounds") {
		rapid.SampledFrom(beyond()).Draw(t, "beyond")(t, &stream,
			&records[rapid.IntRange(0, len(records)-1).Draw(t, "record")])
	}
	return stream, records
}

// beyond returns functions, each of which draws one part of a commit anew, about its bound. The
// part may be within the bound or beyond it.
func beyond() []func(*rapid.T, *eventstore.Stream, *eventstore.Record) {
	about := func(most int) *rapid.Generator[string] {
		return rapid.SampledFrom([]string{
			"", "\xff", "\xed\xa0\x80", strings.Repeat("x", most), strings.Repeat("x", most+1),
		})
	}
	last := time.Date(2261, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	return []func(*rapid.T, *eventstore.Stream, *eventstore.Record){
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.Revision = rapid.SampledFrom([]int{
				0, -1, 1, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32, math.MaxUint32 + 2,
			}).Draw(t, "revision")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			at := rapid.SampledFrom([]time.Time{
				{}, time.Unix(0, -1), time.Unix(0, 0), last, last.Add(1), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
			})
			r.Timestamp = at.Draw(t, "timestamp").In(rapid.SampledFrom(zones()).Draw(t, "zone"))
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.CommandDigest = about(eventstore.MaxDigestBytes).Draw(t, "digest")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.Type = about(eventstore.MaxTypeBytes).Draw(t, "event type")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.ActorID = about(eventstore.MaxIDBytes).Draw(t, "actor id")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.TraceParent = about(eventstore.MaxIDBytes).Draw(t, "traceparent")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.CausationID = about(eventstore.MaxIDBytes).Draw(t, "causation id")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.CommandCausationID = about(eventstore.MaxIDBytes).Draw(t, "command's causation id")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.CorrelationID = about(eventstore.MaxIDBytes).Draw(t, "correlation id")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.Metadata = map[string]string{
				about(eventstore.MaxIDBytes).Draw(t, "key"): about(eventstore.MaxCommitBytes/2).Draw(t, "value"),
			}
		},
		func(t *rapid.T, s *eventstore.Stream, _ *eventstore.Record) {
			s.ID = rapid.SampledFrom([]string{
				"", "\xff", s.ID, strings.Repeat("x", eventstore.MaxIDBytes+1),
			}).Draw(t, "aggregate id")
		},
		func(t *rapid.T, _ *eventstore.Stream, r *eventstore.Record) {
			r.Value = rapid.SampledFrom([][]byte{
				nil, {}, {0}, make([]byte, eventstore.MaxCommitBytes/2), make([]byte, eventstore.MaxCommitBytes),
			}).Draw(t, "value")
		},
	}
}

// unique returns a text that begins with run, and may be as long or as odd as ids are.
func unique(t *rapid.T, run, label string) string {
	text := drawBounded(t, label)
	return run + cut(text, run)
}

// boundedNames returns names that are as short and as long as names may be.
func boundedNames() []string {
	return []string{"Z", "A", "x9", strings.Repeat("Aa-_09", eventstore.MaxTypeBytes)[:eventstore.MaxTypeBytes]}
}

// drawBounded draws a text that may be an id.
func drawBounded(t *rapid.T, label string) string {
	x := strings.Repeat("x", eventstore.MaxIDBytes)
	bounds := []string{
		x, x[1:], strings.Repeat("é", eventstore.MaxIDBytes/2), strings.Repeat("\x00", eventstore.MaxIDBytes),
		"0190a3c4-7b1e-7cc3-9a51-0123456789af", "0190A3C4-7B1E-7CC3-9A51-0123456789AF",
	}
	return rapid.OneOf(
		rapid.SampledFrom(oddTexts()), rapid.StringN(0, 20, eventstore.MaxIDBytes), rapid.SampledFrom(bounds),
	).Draw(t, label)
}

func drawDigest(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "0190a3c47b1e7cc39a510123456789af", "0190A3C47B1E7CC39A510123456789AF",
			"0190a3c47b1e7cc39a510123456789a\x00",
		}),
		rapid.StringN(0, -1, eventstore.MaxDigestBytes),
	).Draw(t, "command digest")
}

func drawRevision(t *rapid.T) int {
	return rapid.OneOf(rapid.SampledFrom([]int{1, 2, 127, 128, 1<<16 - 1, math.MaxInt32}),
		rapid.IntRange(1, math.MaxInt32)).Draw(t, "revision")
}

// drawTime draws from the years that a store takes.
func drawTime(t *rapid.T) time.Time {
	last := time.Date(2261, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	ns := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, last.UnixNano(), last.UnixNano() - 1}),
		rapid.Int64Range(0, last.UnixNano()))
	return time.Unix(0, ns.Draw(t, "timestamp")).In(rapid.SampledFrom(zones()).Draw(t, "zone"))
}

// manyEntries draws metadata with many entries, or with some whose names and values are as long or
// as short as they may be.
func manyEntries(t *rapid.T) map[string]string {
	m := make(map[string]string)
	for i := range rapid.SampledFrom([]int{0, 1, 200}).Draw(t, "entries") {
		m[fmt.Sprintf("%d", i)] = ""
	}
	longest := strings.Repeat("k", eventstore.MaxIDBytes)
	for _, key := range []string{longest, drawBounded(t, "metadata key")} {
		if key != "" {
			m[key] = rapid.SampledFrom([]string{"", "\x00", strings.Repeat("x", 5000)}).Draw(t, "metadata value")
		}
	}
	return m
}

// limitsHold gives the store commits that Check takes and commits that it refuses.
func limitsHold(t test, s *suite) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := s.context(t)
		stream, records := DrawCommit(t, rapid.SampledFrom(s.types).Draw(t, "category"))
		wrong := eventstore.Check(eventstore.To(stream, eventstore.NoStream, records...), eventstore.WholeID)
		for _, r := range records {
			s.gives(r)
		}
		result, err := s.store.Append(ctx, eventstore.To(stream, eventstore.NoStream, records...))
		if wrong != nil {
			sameFields := slices.Equal(invalidFields(err), invalidFields(wrong))
			if !sameFields || !errors.Is(err, eventstore.ErrInvalid) {
				fatal(t, "what Check refuses is not refused with what it finds", "found", err, "expected", wrong)
			}
			return
		}
		must(t, "appending what Check takes", err)
		want := stored(stream, result, records)
		got := s.load(ctx, t, stream)
		same(t, "a stream of what Check takes", got, want)
		same(t, "a category of what Check takes", s.category(ctx, t, stream.Category).only(stream), got)
	})
}
