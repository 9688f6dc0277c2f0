package rule

import (
	"fmt"
	"maps"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

// count looks at the records of the reading from place from on. It keeps those of commits that
// count, and skips the others.
//
// A commit counts if and only if
//   - its records stand there whole, 1 to n in a row,
//   - each of them continues its stream, and
//   - it has several streams if it says so.
func (f *Follower) count(read *reading, from int) error {
	records := read.Records[from:]
	read.Records = read.Records[:from]
	for len(records) > 0 {
		run := records[:runLength(records)]
		records = records[len(run):]
		why, err := f.wrong(read, run)
		if err != nil {
			return err
		}
		if why != nil {
			f.skip(read, index.Range{Offset: run[0].Position.Offset, Length: len(run)}, why)
			continue
		}
		if err := f.belong(run); err != nil {
			return err
		}
		if f.cfg.Broken.HalfCommits && run[0].Commit.Several {
			run = half(read, run)
		}
		for i := range run {
			read.Checkpoint.Time = max(read.Checkpoint.Time, index.TimeOf(run[i].Timestamp))
		}
		maps.Copy(read.versions, read.ahead)
		read.Records = append(read.Records, run...)
	}
	return nil
}

// half returns the first half of a commit, as if it were all of it. Only the proof wants that.
func half(read *reading, run []eventstore.Record) []eventstore.Record {
	run = run[:(len(run)+1)/2]
	clear(read.ahead)
	for i := range run {
		run[i].Commit.Size = len(run)
		read.ahead[run[i].AggregateID] = run[i].AggregateVersion
	}
	return run
}

// wrong returns nil if the run counts, and otherwise what is wrong with it. It leaves in read.ahead
// the versions of the run's streams once the run is applied.
func (f *Follower) wrong(read *reading, run []eventstore.Record) (why func() string, err error) {
	clear(read.ahead)
	first, last := &run[0], &run[len(run)-1]
	if first.Commit.Index != 1 || last.Commit.Index != last.Commit.Size {
		return func() string {
			return fmt.Sprintf("%s at version %d: events %d to %d of a commit of %d, expected all of them",
				first.AggregateID, first.AggregateVersion, first.Commit.Index, last.Commit.Index, first.Commit.Size)
		}, nil
	}
	for i := range run {
		r := &run[i]
		version, err := f.versionOf(read, r.AggregateID)
		switch {
		case err != nil:
			return nil, err
		case r.AggregateVersion != version+1:
			return func() string {
				return fmt.Sprintf("%s at version %d, expected version %d",
					r.AggregateID, r.AggregateVersion, version+1)
			}, nil
		case !r.Commit.Several: // and so the others continue this one
			read.ahead[r.AggregateID] = last.AggregateVersion
			return nil, nil
		}
		read.ahead[r.AggregateID] = r.AggregateVersion
	}
	if len(read.ahead) == 1 {
		return func() string {
			return fmt.Sprintf("%s at version %d: a commit that says that it has several streams, and has one",
				first.AggregateID, first.AggregateVersion)
		}, nil
	}
	return nil, nil
}

// versionOf returns the version of a stream once all that was read before is applied.
func (f *Follower) versionOf(read *reading, id string) (int64, error) {
	if version, known := read.ahead[id]; known {
		return version, nil
	}
	if version, known := read.versions[id]; known {
		return version, nil
	}
	return f.cfg.Index.Version(id)
}

// runLength returns how many records, from the first on, belong to the first one's commit, in the
// order that they have in it.
func runLength(records []eventstore.Record) int {
	n := 1
	for n < len(records) && follows(&records[n-1], &records[n]) {
		n++
	}
	return n
}

// follows reports whether a record is the next one of the commit that the record before it is part
// of.
func follows(before, r *eventstore.Record) bool {
	next := before.Commit
	next.Index++
	if r.Commit != next || next.Index > next.Size {
		return false
	}
	return next.Several || r.AggregateID == before.AggregateID && r.AggregateVersion == before.AggregateVersion+1
}
