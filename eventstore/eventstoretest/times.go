package eventstoretest

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// givenTime is the time that a record was given, and the time of the store's clock at that moment.
type givenTime struct{ time, made time.Time }

// gives remembers the time of a record that is about to be appended, by the event's id.
func (s *suite) gives(r eventstore.Record) eventstore.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given[r.ID] = givenTime{time: r.Timestamp, made: s.clock()}
	return r
}

// timeHolds fails unless the record has the time that [eventstore.Store] promises, behind the
// record before it in its partition if there is one. The record must have been read before now.
func (s *suite) timeHolds(t test, before []eventstore.Record, r eventstore.Record, now time.Time) {
	t.Helper()
	s.mu.Lock()
	given, known := s.given[r.ID]
	s.mu.Unlock()
	if !known {
		return // somebody else's
	}
	least, most := earlier(given.time, given.made), earlier(given.time, now)
	if n := len(before); n > 0 {
		last := before[n-1].Timestamp
		least, most = later(least, last), later(most, last)
	}
	if r.Timestamp.Before(least) || r.Timestamp.After(most) {
		fatal(t, "an event's time is not the latest of the one before it and of the earlier of what was given and now",
			fmt.Sprintf("position %s: found %s, expected %s to %s", r.Position, nano(r.Timestamp), nano(least),
				nano(most)))
	}
}

func nano(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// timesHold gives times in the past, out of order, and times in the future. The view compares each
// of them with the one before it.
func timesHold(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(len(s.types)-1)
	past := s.tick(time.Hour)
	var want []eventstore.Record
	for i, at := range []time.Time{
		time.Unix(0, 0), time.Unix(0, 999_999_999), time.Date(1999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		past, past.Add(-time.Nanosecond), past.Add(time.Nanosecond), past.Add(-time.Hour),
		past.Add(2 * time.Nanosecond),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Unix(0, 1_000_000), s.clock(),
		time.Date(2261, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		commit := []eventstore.Record{
			s.record(at.In(zones()[2-i%3]), ""), s.record(at, ""), s.record(at.Add(-time.Second), ""),
		}
		if at.Unix() < 1 {
			commit = commit[:2]
		}
		_, more := s.append(ctx, t, stream, eventstore.Expected(len(want)), commit...)
		want = append(want, more...)
		oneTime(t, s.load(ctx, t, stream)[len(want)-len(commit):])
	}
	got := s.load(ctx, t, stream)
	same(t, "a stream of past and future times", got, want)
	v := s.category(ctx, t, stream.Category)
	same(t, "a stream of past and future times, in its category", v.only(stream), got)
	for _, r := range want {
		s.mu.Lock()
		at := s.given[r.ID].time
		s.mu.Unlock()
		s.yields(ctx, t, v, "a category read since a time that was given", eventstore.Since(at), v.since(at))
	}
	s.timesHoldInStreams(ctx, t)
}

// oneTime fails unless the first records of a commit, which were given one time, have one time.
func oneTime(t test, commit []eventstore.Record) {
	t.Helper()
	if first := commit[0].Timestamp; !commit[1].Timestamp.Equal(first) {
		fatal(t, "records of one commit that are given one time have two", nano(first), nano(commit[1].Timestamp))
	}
}

// timesHoldInStreams fails unless a stream and its category have the same times.
func (s *suite) timesHoldInStreams(ctx context.Context, t test) {
	t.Helper()
	for i, category := range s.types {
		stream := s.stream(i)
		s.append(ctx, t, stream, eventstore.NoStream, s.records(3, "")...)
		same(t, "a stream, and its category", s.load(ctx, t, stream), s.category(ctx, t, category).only(stream))
	}
}
