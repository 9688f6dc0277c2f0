package kafka

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// NotOwnerError says that this process does not own the partition, and that nothing was appended.
// It matches [eventstore.ErrNotOwner]. There are these reasons:
//   - This process has not called [Store.Claim].
//   - Another instance owns the partition.
//   - Another process has taken the partition. This store claims it again after [Config].QuietTime.
//   - This process has lost the partition to nobody. It claims it again within seconds.
type NotOwnerError struct {
	Topic     string
	Partition int32
	Owner     string // the address that the owner advertises, see [Sharing]; empty if it is not known
	Err       error  // how this process noticed
}

// Error names the partition, how this process noticed, and where to go.
func (e *NotOwnerError) Error() string {
	if e.Owner == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v; send it to its owner, %s", e.Err, e.Owner)
}

// Unwrap returns how this process noticed.
func (e *NotOwnerError) Unwrap() error { return e.Err }

// Is matches [eventstore.ErrNotOwner].
func (e *NotOwnerError) Is(target error) bool { return target == eventstore.ErrNotOwner }

// CorruptError says that a topic holds data that it cannot hold if only this library wrote it, or
// lacks data that it held.
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

// Causes of a *[CorruptError], for errors.Is. If it has none of them, it is about a record that is
// no event of this library.
var (
	// ErrLogCut says that the log ends before data that was read from it.
	ErrLogCut = log.ErrLogCut
	// ErrLogRewritten says that the log holds other data than was read there before.
	ErrLogRewritten = log.ErrLogRewritten
	// ErrRecordsMissing says that records are missing. They were deleted or compacted away, or
	// files are damaged.
	ErrRecordsMissing = log.ErrRecordsMissing
	// ErrPartitionsChanged says that a stream is not in the partition where it belongs.
	ErrPartitionsChanged = log.ErrPartitionsChanged
)

// RefusedError says that the brokers will never take the commit, for example because a permission
// is missing. Nothing was appended.
type RefusedError struct {
	Topic     string
	Partition int32
	Err       error
}

// Error gives the broker's reason.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the broker's reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// IndexError says why the folder of the index cannot be used, and what to do. It also says so if
// the disk has become full or fails while the store runs. Then the store appends nothing and reads
// nothing until the disk is mended and the store is opened again. No event is lost, as Kafka holds
// all that the index holds.
type IndexError struct {
	Dir string
	Err error
}

// Error says what was found and what to do.
func (e *IndexError) Error() string { return e.Err.Error() }

// Unwrap returns what was found.
func (e *IndexError) Unwrap() error { return e.Err }

// OffsetError says that a group's offset lies outside of its partition. The subscription stops
// handling that partition, and goes on with the member's others.
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

// explainRefusal explains the reason for which a commit was refused, as [client.Explain] does.
func explainRefusal(s connection.Security, err error) error {
	var refused *RefusedError
	if err == nil || !errors.As(err, &refused) {
		return err
	}
	return &RefusedError{Topic: refused.Topic, Partition: refused.Partition, Err: client.Explain(s, refused.Err)}
}
