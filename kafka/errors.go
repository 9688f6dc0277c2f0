package kafka

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// NotOwnerError says that this process does not own the partition: it has not called [Store.Claim],
// or another instance owns the partition, or another process has taken it. In the last case it is
// claimed again after [Config].QuietTime. If it was lost to nobody, it is claimed again within
// seconds. Nothing was appended. It matches [eventstore.ErrNotOwner].
type NotOwnerError struct {
	Topic     string
	Partition int32
	Owner     string // the address that the owner advertises, see [Sharing]; empty if it is not known
	Err       error  // how it showed
}

// Error names the partition, how it showed, and where to go.
func (e *NotOwnerError) Error() string {
	if e.Owner == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v; send it to its owner, %s", e.Err, e.Owner)
}

// Unwrap returns how it showed.
func (e *NotOwnerError) Unwrap() error { return e.Err }

// Is matches [eventstore.ErrNotOwner].
func (e *NotOwnerError) Is(target error) bool { return target == eventstore.ErrNotOwner }

// CorruptError says that a topic holds what it cannot hold if this library alone wrote it, or lacks
// what it held.
type CorruptError struct {
	Topic     string
	Partition int32
	Offset    int64
	Err       error
}

// Error says what was found where, and what to do.
func (e *CorruptError) Error() string { return e.Err.Error() }

// Unwrap returns what was found.
func (e *CorruptError) Unwrap() error { return e.Err }

// Causes of a *[CorruptError], for errors.Is. One without a cause is about a record that is no
// event of this library.
var (
	// ErrLogCut says that the log ends before what was read of it.
	ErrLogCut = log.ErrLogCut
	// ErrLogRewritten says that the log holds something else where it was read before.
	ErrLogRewritten = log.ErrLogRewritten
	// ErrRecordsMissing says that records are missing: they were deleted or compacted away, or
	// files are damaged.
	ErrRecordsMissing = log.ErrRecordsMissing
	// ErrPartitionsChanged says that a stream is in another partition than where it belongs.
	ErrPartitionsChanged = log.ErrPartitionsChanged
)

// RefusedError says that the brokers will never take the commit, such as for want of a permission.
// Nothing was appended.
type RefusedError struct {
	Topic     string
	Partition int32
	Err       error
}

// Error gives the broker's reason.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the broker's reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// IndexError says why the folder of the index cannot be used, or cannot any more because its disk
// is full or fails, and what to do. While the disk is like that the store appends nothing and reads
// nothing; no event is lost, as the index holds nothing that Kafka does not.
type IndexError struct {
	Dir string
	Err error
}

// Error says what was found and what to do.
func (e *IndexError) Error() string { return e.Err.Error() }

// Unwrap returns what was found.
func (e *IndexError) Unwrap() error { return e.Err }

// OffsetError says that a group's offset lies outside of its partition. The subscription does not
// handle the partition; it handles the member's others.
type OffsetError struct {
	Group      string
	Topic      string
	Partition  int32
	Offset     int64 // the group's
	Begin, End int64 // of the partition
	Err        error
}

// Error says what was found, what was expected and what to do.
func (e *OffsetError) Error() string { return e.Err.Error() }

// Unwrap returns what was found.
func (e *OffsetError) Unwrap() error { return e.Err }

// explainRefusal explains the reason of a refused commit, as [client.Explain] does.
func explainRefusal(s connection.Security, err error) error {
	var refused *RefusedError
	if err == nil || !errors.As(err, &refused) {
		return err
	}
	return &RefusedError{Topic: refused.Topic, Partition: refused.Partition, Err: client.Explain(s, refused.Err)}
}
