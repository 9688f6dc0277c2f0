package eventstore_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// part returns the record at an offset of partition 0 that is one part of a commit.
func part(offset int64, index, size int) eventstore.Record {
	return eventstore.Record{
		Header:   event.Header{ID: fmt.Sprintf("e-%d", offset)},
		Position: event.Position{Offset: offset},
		Commit:   eventstore.CommitPart{Index: index, Size: size, Several: size > 1},
	}
}

// yields returns an iterator over records, and over err behind them if it is not nil.
func yields(err error, records ...eventstore.Record) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(eventstore.Record{}, err)
		}
	}
}

// offsets returns the offsets of the commits that ByCommit makes of records, and its error.
func offsets(records iter.Seq2[eventstore.Record, error]) (commits [][]int64, err error) {
	for commit, err := range eventstore.ByCommit(records) {
		if err != nil {
			return commits, err
		}
		var one []int64
		for _, r := range commit {
			one = append(one, r.Position.Offset)
		}
		commits = append(commits, one)
	}
	return commits, nil
}

func TestByCommit(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	elsewhere := part(12, 3, 3)
	elsewhere.Position.Partition = 1
	for _, x := range []struct {
		what    string
		records []eventstore.Record
		err     error
		want    [][]int64
	}{
		{what: "nothing"},
		{
			what:    "whole commits, with a gap between them",
			records: []eventstore.Record{part(1, 1, 1), part(2, 1, 2), part(3, 2, 2), part(9, 1, 1), part(10, 1, 1)},
			want:    [][]int64{{1}, {2, 3}, {9}, {10}},
		},
		{
			what:    "the first record of all",
			records: []eventstore.Record{part(0, 1, 2), part(1, 2, 2), part(2, 1, 2), part(3, 2, 2)},
			want:    [][]int64{{0, 1}, {2, 3}},
		},
		{
			what:    "the rest of a commit",
			records: []eventstore.Record{part(5, 2, 3), part(6, 3, 3), part(7, 1, 1)},
			want:    [][]int64{{5, 6}, {7}},
		},
		{
			what:    "the last record of a commit",
			records: []eventstore.Record{part(6, 3, 3), part(7, 1, 2), part(8, 2, 2)},
			want:    [][]int64{{6}, {7, 8}},
		},
		{
			what:    "the parts in one stream of three commits",
			records: []eventstore.Record{part(10, 1, 3), part(12, 3, 3), part(14, 2, 3), part(17, 2, 3)},
			want:    [][]int64{{10, 12}, {14}, {17}},
		},
		{
			what:    "the parts in one stream of commits of one size, which look like one commit",
			records: []eventstore.Record{part(10, 1, 3), part(14, 2, 3), part(18, 3, 3)},
			want:    [][]int64{{10}, {14}, {18}},
		},
		{
			what:    "the part of the last commit, of which more is in other streams",
			records: []eventstore.Record{part(1, 1, 1), part(2, 1, 4), part(4, 3, 4)},
			want:    [][]int64{{1}, {2, 4}},
		},
		{
			what:    "parts in two partitions",
			records: []eventstore.Record{part(10, 1, 3), elsewhere},
			want:    [][]int64{{10}, {12}},
		},
		{
			what:    "an error between commits",
			records: []eventstore.Record{part(1, 1, 2), part(2, 2, 2)}, err: errBroken,
			want: [][]int64{{1, 2}},
		},
		{
			what:    "an error in the middle of a commit",
			records: []eventstore.Record{part(1, 1, 1), part(2, 1, 3), part(3, 2, 3)}, err: errBroken,
			want: [][]int64{{1}},
		},
		{what: "an error alone", err: errBroken},
	} {
		for range 2 { // it may be ranged over again
			commits, err := offsets(yields(x.err, x.records...))
			require.ErrorIs(t, err, x.err, x.what)
			require.Equal(t, x.want, commits, x.what)
		}
	}
}

// TestByCommitBreaks ends the loop at each commit.
func TestByCommitBreaks(t *testing.T) {
	t.Parallel()
	all := eventstore.ByCommit(yields(errors.New("broken"), part(1, 1, 1), part(2, 1, 3), part(3, 2, 3), part(9, 1, 1)))
	for most := 1; most <= 4; most++ {
		n := 0
		for range all {
			if n++; n == most {
				break
			}
		}
		require.Equal(t, most, n)
	}
}

// TestByCommitKeeps keeps what was yielded while the loop goes on.
func TestByCommitKeeps(t *testing.T) {
	t.Parallel()
	all := yields(nil, part(1, 1, 2), part(2, 2, 2), part(3, 1, 3), part(9, 1, 2), part(10, 2, 2))
	var kept [][]eventstore.Record
	for commit, err := range eventstore.ByCommit(all) {
		require.NoError(t, err)
		kept = append(kept, commit)
	}
	require.Equal(t, [][]eventstore.Record{
		{part(1, 1, 2), part(2, 2, 2)}, {part(3, 1, 3)}, {part(9, 1, 2), part(10, 2, 2)},
	}, kept)
}

// TestByCommitStream draws commits over several streams, and looks at the parts in one of them.
func TestByCommitStream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var records []eventstore.Record
		var want [][]int64
		offset := rapid.Int64Range(0, 2).Draw(t, "first offset")
		for range rapid.IntRange(0, 8).Draw(t, "commits") {
			size := rapid.IntRange(1, 5).Draw(t, "size")
			var inStream []int64
			for index := 1; index <= size; index++ {
				if rapid.Bool().Draw(t, "in the stream") {
					records = append(records, part(offset, index, size))
					inStream = append(inStream, offset)
				}
				offset++
			}
			if inStream != nil {
				want = append(want, inStream)
			}
			offset += rapid.Int64Range(0, 2).Draw(t, "gap")
		}
		commits, err := offsets(yields(nil, records...))
		require.NoError(t, err)
		require.Equal(t, want, commits)
	})
}
