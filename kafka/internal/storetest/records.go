package storetest

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Stream returns the stream of the id, in [Category].
func Stream(id string) eventstore.Stream { return eventstore.Stream{Category: Category, ID: id} }

// Records returns n records of a commit, with the command id given if it is not empty.
func Records(n int, commandID string) []eventstore.Record {
	rs := make([]eventstore.Record, n)
	for i := range rs {
		rs[i] = eventstore.Record{Value: []byte("value"), Header: event.Header{
			ID: uuid.NewString(), Type: "Happened", Revision: 1, CommandID: commandID,
			Timestamp: time.Date(2026, 1, 2, 3, 4, 5, i, time.UTC),
		}}
	}
	return rs
}

// Add appends commits to the stream, and returns the ids of their events.
func Add(t testing.TB, s eventstore.Store, id string, commits int) []string {
	t.Helper()
	var all []string
	for i := range commits {
		rs := Records(1+i%2, "")
		_, err := s.Append(t.Context(), eventstore.To(Stream(id), eventstore.Any, rs...))
		require.NoError(t, err)
		all = append(all, IDsOf(rs)...)
	}
	return all
}

// IDs returns the event ids of the stream, in version order, and fails if the versions have gaps.
func IDs(t testing.TB, s eventstore.Store, id string) []string {
	t.Helper()
	var found []string
	for r, err := range s.ReadStream(t.Context(), Stream(id), 1) {
		require.NoError(t, err)
		require.Equal(t, int64(len(found)+1), r.AggregateVersion)
		found = append(found, r.ID)
	}
	return found
}

// IDsOf returns the event ids of the commits.
func IDsOf(commits ...[]eventstore.Record) []string {
	var all []string
	for _, r := range slices.Concat(commits...) {
		all = append(all, r.ID)
	}
	return all
}

// FirstError returns the first error that a read yields; nil if it yields none.
func FirstError(records iter.Seq2[eventstore.Record, error]) error {
	for _, err := range records {
		if err != nil {
			return err
		}
	}
	return nil
}

// Named returns a name with a prefix and a number.
func Named(prefix string, i int) string { return fmt.Sprintf("%s-%d", prefix, i) }
