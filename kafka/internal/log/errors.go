package log

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// CorruptError says that a partition holds what it cannot hold if this library alone wrote it.
type CorruptError struct {
	Topic     string
	Partition int32
	Offset    int64
	Found     string
	Cause     error // one of the causes below; nil if a record is no event
}

// Causes of a *CorruptError.
var (
	ErrLogCut            = errors.New("the log ends before what was read of it")
	ErrLogRewritten      = errors.New("the log holds something else where it was read before")
	ErrRecordsMissing    = errors.New("records are missing from the log")
	ErrPartitionsChanged = errors.New("the number of partitions was changed")
)

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Cause }

// Error says what was found where.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s partition %d offset %d: %s", e.Topic, e.Partition, e.Offset, e.Found)
}

// IsCorrupt reports whether the error is about what the log holds or lacks. Such an error is final.
func IsCorrupt(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt)
}

// Final reports whether asking again would not help.
func Final(err error) bool { return retry.KindOf(err) != retry.Passing || IsCorrupt(err) }
