package eventstore

import (
	"context"
	"iter"

	"github.com/fencelog/fencelog/event"
)

// Store keeps events by stream. Its methods may be called by any number of goroutines.
type Store interface {
	// Append stores a commit: all of its records, or none. It succeeds only if each expectation holds. Successes are
	// linearizable.
	//
	// A conflict is told from what this store knows. Where another process has taken the stream over and this one has
	// not noticed, that is a version which the stream had, and a later one is not known here. Where the expectation has
	// a Tip, the append fails with a *[ConflictError] also
	//   - at once if another commit is stored or queued behind what was read;
	//   - if a queued commit that was read is not stored after all, even where another one takes its version.
	//
	// The actual version that such an error names may be that of a commit that is queued.
	//
	// If the stream already holds a commit of the command id, nothing is appended, whatever is expected: the result of
	// that first commit is returned, with Repeated set. If both commits have a digest and these differ, it is another
	// command with the same id: the append fails with a *[CommandReusedError].
	//
	// A commit without records is a check. It has one expectation, of a version. It returns once it is certain that the
	// stream stood there at some moment after the call, or after the stream was read where the expectation has a Tip.
	// Only then may an answer be told that was decided without events: a refusal, or that there is nothing to do. If the
	// command id was applied, a check returns that first result and proves nothing else: what was applied stays applied.
	// If ctx ends before, or if nobody can be asked, it fails with an error whose method Unavailable() bool
	// returns true. With Unconfirmed it returns once what was read is stored, and asks nobody whether the stream has
	// gone on since.
	//
	// Times of events never go back within a partition: the stored Timestamp of a record is the latest of the one before
	// it in its partition and of the earlier of the caller's and the store's own clock. So records of a commit that are
	// given one time keep one.
	//
	// The records of a commit stand at consecutive offsets. Between commits offsets may have gaps. Metadata without
	// entries is stored as nil. The store keeps no reference to what the commit holds.
	//
	// Errors: *[InvalidError] for bad input and for a category that the store does not hold, *[ConflictError] with the
	// actual version, *[CommandReusedError], [ErrNotOwner] when another process is now the writer of this stream,
	// [ErrOutcomeUnknown] when the commit may or may not be stored, [ErrClosed]. Except with ErrOutcomeUnknown, an error
	// means that nothing was appended.
	Append(ctx context.Context, c Commit) (Result, error)

	// ReadStream yields the records of stream from version from on (1 or less: all), in
	// version order and without gaps, up to the stream's version at the time of the call. A stream that
	// was never appended to yields nothing. Ranging again yields the same.
	//
	// An error is yielded once, as the last pair: *[InvalidError] for a name that breaks a rule or a type that the
	// store does not hold; [ErrClosed], also where the store was closed after the call; the end of ctx, also where there is nothing to
	// yield. What is yielded is read only.
	ReadStream(ctx context.Context, stream Stream, from int64) iter.Seq2[Record, error]

	// ReadQueued yields what ReadStream yields, and then the records of the commits that are queued for the stream at the
	// time of the call, as they will be stored if they will. Their Position is zero. A queued commit has its place behind
	// what is stored, but it is not stored yet and may never be. So those who append to one stream need not wait for each
	// other's round trips. A store without a queue yields what is stored.
	//
	// The expectation is the end of what is yielded. A commit that was decided on what is yielded has it, and so has the
	// check of a decision that came without events. Nothing that was decided on queued commits may be told to anybody
	// before one of these has succeeded.
	//
	// Where the iteration ends with an error, an append with the expectation fails, too. A store that does not own the
	// stream, as others append to it, yields no record but an error that matches [ErrNotOwner]: what it knows may be
	// behind what is stored, and a decision on that, even to refuse, would be wrong.
	ReadQueued(ctx context.Context, stream Stream, from int64) (iter.Seq2[Record, error], Expectation)

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

// CommitPart says where in its commit a record stands.
type CommitPart struct {
	First  int64 // version of the commit's first record
	Length int   // number of its records
}
