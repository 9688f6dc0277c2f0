package eventstore

import (
	"context"
	"iter"

	"github.com/fencelog/fencelog/event"
)

// Store keeps events by stream. Any number of goroutines may call its methods.
type Store interface {
	// Append stores a commit: all of its records, or none. It stores them only if each expectation
	// of the commit holds. The records may be of several streams, and an expectation may be of a
	// stream that the commit does not write to. All these streams have one category and one
	// partition key. Successful appends are linearizable.
	//
	// Append fails with
	//   - an *[InvalidError] if the input breaks a rule, or if the store does not hold the
	//     category;
	//   - a *[ConflictError], which has the actual version, if an expectation of a stream does not
	//     hold;
	//   - a *[CommandConflictError] if an expectation of a command does not hold;
	//   - a *[CommandReusedError] if the partition key holds another commit with the command id;
	//   - [ErrNotOwner] if another process is now the writer of the partition;
	//   - [ErrOutcomeUnknown] if the commit may or may not be stored;
	//   - [ErrClosed] if the store is closed;
	//   - the error or the cause of ctx if ctx ends before the commit is on its way.
	//
	// Any error except ErrOutcomeUnknown means that nothing was appended.
	//
	// The store decides on a conflict by what it knows. Another process may have taken the
	// partition over without this store noticing. Then the actual version is one that the stream
	// had, and this store does not know a later one. The actual version may also be that of a
	// queued commit. If an expectation has a Tip, Append also fails with a *[ConflictError]
	//   - at once if another commit is stored or queued behind the records that were read;
	//   - if a queued commit that was read is not stored after all, even if another commit takes
	//     its version.
	//
	// A partition key holds one commit of a command id. If it already holds one of this command id,
	// Append appends nothing, whatever is expected. If that commit wrote to the same streams, and
	// has the same digest, Append returns its result with Repeated set. A digest that is not known
	// is taken for the same. Otherwise the id names two commits: Append fails with a
	// *[CommandReusedError].
	//
	// A commit without records is a check. It has one expectation of a stream or more, each of a
	// version. A check succeeds once it is certain that all of its expectations held together at
	// some moment after the call. If the expectations have Tips that were read together, a moment
	// after that is enough: see ReadQueued. A decision without events is a refusal, or says that
	// there is nothing to do. Nobody may be told of it before its check has succeeded.
	//
	// A check with a command id that was applied returns the result of that first commit and proves
	// nothing else. An applied command stays applied. If ctx ends first, or if the store can ask
	// nobody, a check fails with an error whose method Unavailable() bool returns true. A check
	// that is Unconfirmed succeeds once the records that were read are stored. The store asks
	// nobody whether the streams have gone on since.
	//
	// Times of events never go back within a partition. A record is stored with the earlier of the
	// caller's time and the time of the store's clock. If the record before it in the partition has
	// a later time, the store gives it that time. So the records of a commit that are given one
	// time keep one time.
	//
	// The records of a commit stand at consecutive offsets. Between commits offsets may have gaps.
	// Metadata without entries is stored as nil. The store keeps no reference to what the commit
	// holds.
	Append(ctx context.Context, c Commit) (Result, error)

	// AppendEach appends many commits in one call, for imports and for APIs that take lists. It
	// returns an answer to each of them, in their order. It does what Append does with one commit
	// after the other, but commits share batches and round trips.
	//
	// Commits of one partition are judged in the order of the list. So a commit may expect the
	// version that an earlier one makes, and a command that an earlier one has is answered as
	// repeated. Between two commits of the list others may append. There is no order between
	// partitions.
	//
	// If a commit fails, the others are appended all the same: each is judged on its own. If all of
	// the records must be stored or none, put them into one commit. The errors of an answer are
	// those of Append, and an *[InvalidError] if the commit is a check: give that to Append.
	//
	// If ctx ends, the commits that are on their way fail with [ErrOutcomeUnknown]. All those
	// behind them in the partition fail with the error or the cause of ctx: nothing of them was
	// appended.
	//
	// The list may be of any length. If the store bounds what waits, the commits that have no room
	// wait under ctx until there is some, as further callers of Append do. The caller must not
	// change the list or what it holds before AppendEach has returned. An empty list has no
	// answers.
	AppendEach(ctx context.Context, commits []Commit) []Answer

	// Applied reports whether the partition key of the stream has a commit of the command that
	// ReadQueued yields at the time of the call. A queued commit may never be stored. A decision on
	// the answer must have a [CommandExpectation].
	//
	// If the caller has read streams for the same decision, it gives their expectations as with.
	// Then Applied fails with a *[ConflictError] unless all of them stood as they were read at the
	// moment of the answer. Errors are those of ReadQueued, and an *[InvalidError] if the
	// command id is empty or breaks another rule.
	Applied(ctx context.Context, stream Stream, commandID string, with ...Expectation) (bool, error)

	// ReadStream yields the records of a stream from version from on, in version order and without
	// gaps. If from is 1 or less, it yields all of them. It ends with the version that the stream
	// has at the time of the call. It yields nothing of a stream that was never appended to.
	// Ranging again yields the same.
	//
	// An error is yielded once, as the last pair. It is
	//   - an *[InvalidError] if the stream's name breaks a rule, or if the store does not hold the
	//     category;
	//   - [ErrClosed] if the store is closed, also if it was closed after the call;
	//   - the error or the cause of ctx if ctx has ended, also if there is nothing to yield.
	//
	// Callers must not change what is yielded.
	ReadStream(ctx context.Context, stream Stream, from int64) iter.Seq2[Record, error]

	// ReadQueued yields the records of a stream that come after a version. [Stream.At] names the
	// stream and the version: stream.At(0) stands for the whole stream. First come the stored
	// records, as ReadStream yields them. Then come the records of the commits that are queued for
	// the stream at the time of the call. These are as they will be stored if they are stored;
	// their Position is zero. A queued commit has its place behind the stored ones, but it may
	// never be stored. So callers who append to one stream need not wait for each other's round
	// trips. A store without a queue yields what is stored.
	//
	// The expectation is the end of what is yielded. A commit that was decided on the yielded
	// records must have it. So must the check of a decision that came without events. Nobody may be
	// told of a decision on queued commits before its commit or its check has succeeded.
	//
	// A caller who gives the expectation of an earlier read as after gets what came since. If that
	// read has yielded queued commits, ReadQueued makes sure that they are stored or still queued
	// in their places. Otherwise it fails with a *[ConflictError]. If after has no Tip, the caller
	// knows that the version was stored.
	//
	// If the caller has read other streams for the same decision, it gives their expectations as
	// with. Then ReadQueued fails with a *[ConflictError] unless all these streams, and this one,
	// stand as they were read at one moment of the call. So a decision never sees a part of a
	// commit. Streams that were read together may be checked together later: see Append.
	//
	// Errors are those of ReadStream, and
	//   - an *[InvalidError] if a check with the expectations of all these streams would break a
	//     rule, or if one of with has no Tip;
	//   - an *[InvalidError] if a Tip is not what ReadQueued of this store returned;
	//   - an error that matches [ErrNotOwner] if the store does not own the stream because others
	//     append to it. Then no record is yielded. The store may not know everything that is
	//     stored, so a decision would be wrong, even a refusal.
	//
	// If the iteration ends with an error, an append with the expectation fails, too.
	ReadQueued(
		ctx context.Context, after Expectation, with ...Expectation,
	) (iter.Seq2[Record, error], Expectation)

	// Snapshot returns the snapshot of a stream that was kept last under a name. Without one, its
	// Version is 0. A store may forget any snapshot at any time, because the stream makes it again.
	// A store keeps snapshots for this process, or for the instance that it is part of. Other
	// instances may have others.
	//
	// Errors are those of ReadStream. Another error means that there is a snapshot that cannot be
	// read; then KeepSnapshot should forget it.
	Snapshot(ctx context.Context, stream Stream, name string) (Snapshot, error)

	// KeepSnapshot keeps a snapshot of a stream under a name, instead of the one before. If its
	// Version is 0, KeepSnapshot forgets the one before. The events that the snapshot is made of
	// must be stored: those of queued commits are not. KeepSnapshot waits for no broker and no
	// disk. The caller must not change the value afterwards.
	//
	// Errors are those of ReadStream, and an *[InvalidError] if the snapshot or its name breaks a
	// rule, or if the stream has fewer events.
	KeepSnapshot(ctx context.Context, stream Stream, name string, s Snapshot) error

	// ReadCategory yields the records of all streams of a category from start on. It ends with the
	// end of the category at the time of the call. Within a partition it yields them in offset
	// order, and therefore within a stream in version order. Across partitions there is no order.
	// If a cursor is beyond the end of a partition, ReadCategory yields nothing of it. Times never
	// go back, so [Since] divides a partition in two.
	//
	// Errors are those of ReadStream.
	ReadCategory(ctx context.Context, category string, start Start) iter.Seq2[Record, error]

	// Follow yields what ReadCategory yields, and then each new record as this store learns of it.
	// It does not end by itself: the last pair is the error that ends it, that of ctx or
	// [ErrClosed]. A slow loop delays nobody but itself. [End] is the end of the category at the
	// time of the call.
	//
	// Errors are those of ReadStream.
	Follow(ctx context.Context, category string, start Start) iter.Seq2[Record, error]
}

// Stream names all events of one aggregate.
type Stream struct {
	Category string // a letter, then letters, digits, '-' or '_'; at most [MaxTypeBytes] bytes
	ID       string // aggregate id: 1 to [MaxIDBytes] bytes of UTF-8
}

// At returns the expectation that the stream stands at a version.
func (s Stream) At(version int64) Expectation {
	return Expectation{Stream: s, Version: Expected(version)}
}

// String returns the stream as "Category/ID", for people.
func (s Stream) String() string { return s.Category + "/" + s.ID }

// Record is one encoded event.
type Record struct {
	event.Header

	Value    []byte         // the event's own fields, encoded
	Position event.Position // where it stands in its category
	Commit   CommitPart     // the commit it is part of
}

// Stream returns the stream that the record is of.
func (r *Record) Stream() Stream { return Stream{Category: r.Category, ID: r.AggregateID} }

// CommitPart says which part of its commit a record is.
type CommitPart struct {
	Index   int  // place among the commit's records, from 1
	Size    int  // number of the commit's records
	Several bool // the commit writes to several streams
}
