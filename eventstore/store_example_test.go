package eventstore_test

import (
	"fmt"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// journal is a stream in a slice. A store of your own decides as journal does, and keeps the
// records where they last.
type journal struct{ records []eventstore.Record }

func (j *journal) append(c eventstore.Commit) error {
	if err := eventstore.Check(c, eventstore.WholeID); err != nil {
		return err
	}
	stream := c.Stream()
	for _, r := range j.records {
		if r.CommandID == "" || r.CommandID != c.CommandID {
			continue
		}
		if eventstore.SameCommand(r.CommandDigest, c.Digest) {
			return nil // the command is applied already
		}
		return &eventstore.CommandReusedError{
			Stream: stream, CommandID: c.CommandID, Stored: r.CommandDigest, Given: c.Digest,
			Wrote: []eventstore.Stream{stream},
		}
	}
	at := int64(len(j.records))
	if want := c.ExpectationOf(stream).Version; !want.Met(at) {
		return &eventstore.ConflictError{Stream: stream, Expected: want, Actual: at}
	}
	for i, r := range c.Stamped() { // with the command's id and digest
		r.AggregateVersion = at + 1 + int64(i)
		r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(c.Records)}
		j.records = append(j.records, r)
	}
	return nil
}

// The functions of this package say what a store of your own has to decide. Package eventstoretest
// has the suite that tells whether it keeps all promises of Store.
func ExampleStore() {
	opened := eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountOpened", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("an encoded event"),
	}
	commit := eventstore.To(eventstore.Stream{Category: "Account", ID: "a-1"}, eventstore.NoStream, opened)
	commit.CommandID, commit.Digest = "c-1", "d-1"

	var j journal
	fmt.Println("first:", j.append(commit))
	fmt.Println("again:", j.append(commit))
	commit.CommandID = "c-2"
	fmt.Println("other:", j.append(commit))
	for _, r := range j.records {
		fmt.Println(r.AggregateVersion, r.Type, "by", r.CommandID, r.CommandDigest)
	}
	// Output:
	// first: <nil>
	// again: <nil>
	// other: stream Account/a-1 is at version 1, expected 0: load it again and decide anew
	// 1 AccountOpened by c-1 d-1
}
