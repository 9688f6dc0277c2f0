package eventstore

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/fencelog/fencelog/event"
)

// Store keeps events by stream. Its methods may be called by any number of goroutines.
type Store interface {
	// Append adds records to the end of stream, as one commit: all of them or none. It
	// succeeds only if the stream stands at the expected version; successes are linearizable per stream.
	//
	// A conflict is told from what this store knows. Where another process has taken the stream over
	// without this one having noticed, that is a version which the stream had, and a later one is not known here.
	//
	// All records of a commit carry the same CommandID. If it is not empty and the stream already
	// holds a commit with it, nothing is appended, whatever is expected: the result of that first
	// commit is returned, with Repeated set. If both commits say a CommandDigest, on their first records, and these differ,
	// it is another command with the same id: the append fails with a *[CommandReusedError].
	//
	// Times of events never go back within a partition: the stored Timestamp of a record is the latest of the one before it in its
	// partition and of the earlier of the caller's and the store's own clock. So records of a commit that are given one time keep one.
	//
	// The records of a commit stand at consecutive offsets. Between commits offsets may have gaps. Metadata without entries is stored as nil.
	//
	// The store sets AggregateType, AggregateID, AggregateVersion, Position and Commit of each
	// record; what the caller gives there must be zero. It keeps no reference to records.
	//
	// Errors: *[InvalidError] for bad input and for a type that the store does not hold, *[ConflictError] with the actual version, *[CommandReusedError], [ErrNotOwner]
	// when another process is now the writer of this stream, [ErrOutcomeUnknown] when the commit
	// may or may not be stored, [ErrClosed]. Except with ErrOutcomeUnknown, an error
	// means that nothing was appended.
	Append(ctx context.Context, stream Stream, expected Expected, records ...Record) (Result, error)

	// ReadStream yields the records of stream from version from on (1 or less: all), in
	// version order and without gaps, up to the stream's version at the time of the call. A stream that
	// was never appended to yields nothing. Ranging again yields the same.
	//
	// An error is yielded once, as the last pair: *[InvalidError] for a name that breaks a rule or a type that the
	// store does not hold; [ErrClosed], also where the store was closed after the call; the end of ctx, also where there is nothing to
	// yield. What is yielded is read only.
	ReadStream(ctx context.Context, stream Stream, from int64) iter.Seq2[Record, error]

	// ReadCategory yields the records of all streams of a category from start on, up to
	// the end of the category at the time of the call: in offset order within a partition, and
	// therefore in version order within a stream; in no order across partitions. Where a cursor is beyond the
	// end of a partition there is nothing. As times never go back, [Since] divides a partition in two.
	//
	// Errors are as for ReadStream.
	ReadCategory(ctx context.Context, category string, start Start) iter.Seq2[Record, error]

	// Follow yields what ReadCategory yields and then what is appended, as it becomes known to this store. It does not
	// end by itself: the last pair is the error that ends it, that of ctx or [ErrClosed]. A loop that
	// is slow delays nobody but itself. [End] is the end of the category at the time of the call.
	//
	// Errors are as for ReadStream.
	Follow(ctx context.Context, category string, start Start) iter.Seq2[Record, error]
}

// Stream names all events of one aggregate.
type Stream struct {
	Category string // a letter, then letters, digits, '-' or '_'; at most [MaxTypeBytes] bytes
	ID       string // aggregate id: 1 to [MaxIDBytes] bytes of UTF-8
}

// String returns the stream as "Type/ID", for people.
func (s Stream) String() string { return s.Category + "/" + s.ID }

// Record is one encoded event.
type Record struct {
	event.Header

	Value    []byte         // the event's own fields, encoded
	Position event.Position // where it stands in its category
	Commit   CommitPart     // the commit it is part of
}

// Commit says which records of a stream were appended together.
type CommitPart struct {
	First  int64 // version of the commit's first record
	Length int   // number of its records
}

// Expected says at which version a stream must stand for an append to succeed:
// [Any], [NoStream], or a version, as in Expected(3).
type Expected int64

const (
	// Any expects nothing: the append goes to wherever the stream's end is. No arithmetic on versions
	// leads to it, so a version that was computed wrongly is refused and never taken for it.
	Any Expected = math.MinInt64
	// NoStream expects that nothing was ever appended to the stream.
	NoStream Expected = 0
)

// Met reports whether a stream at version actual is as expected.
func (e Expected) Met(actual int64) bool { return e == Any || int64(e) == actual }

// Result is where a commit was stored.
type Result struct {
	First    int64          // version of its first record
	Last     int64          // version of its last record, the stream's new version
	Position event.Position // of its last record
	Time     time.Time      // of its last record as it is stored, UTC; zero where Repeated
	Repeated bool           // the command had been stored before; nothing was appended now
}

// SameCommand reports whether two commits of one command id may be of one command, by their digests. Where one is not known they may.
func SameCommand(digest, other string) bool { return digest == "" || other == "" || digest == other }
