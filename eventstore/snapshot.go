package eventstore

import (
	"errors"
	"fmt"
	"strconv"
)

// MaxSnapshotBytes bounds the value of a [Snapshot].
const MaxSnapshotBytes = 1 << 20

// Snapshot is what the first events of a stream make, as a caller of [Store.KeepSnapshot] has
// encoded it.
type Snapshot struct {
	Version int64  // the number of the events; 0 if there is no snapshot
	Value   []byte // at most [MaxSnapshotBytes]
}

// CheckSnapshot returns nil, or what is wrong with a snapshot of a stream and its name. key is the
// one of the stream's category. It is for implementations of [Store].
func CheckSnapshot(stream Stream, name string, s Snapshot, key PartitionKey) error {
	c := checker{key: key}
	c.stream(stream)
	if name == "" {
		c.add("name of the snapshot", "nothing", fmt.Sprintf("1 to %d bytes", MaxIDBytes))
	}
	c.text("name of the snapshot", name, MaxIDBytes)
	switch {
	case s.Version < 0:
		c.add("version of the snapshot", strconv.FormatInt(s.Version, 10), "1 or more, or 0 to forget the one before")
	case s.Version == 0 && len(s.Value) > 0:
		c.add("value of the snapshot", fmt.Sprintf("%d bytes", len(s.Value)), "nothing, as its version is 0")
	case len(s.Value) > MaxSnapshotBytes:
		c.add("value of the snapshot", fmt.Sprintf("%d bytes", len(s.Value)), fmt.Sprintf("at most %d", MaxSnapshotBytes))
	}
	return errors.Join(c.found...)
}

// SnapshotAhead is the error of a snapshot of events that the store does not hold. It is for
// implementations of [Store].
func SnapshotAhead(stream Stream, s Snapshot, version int64) error {
	return &InvalidError{
		Field: "version of the snapshot of " + stream.String(), Found: strconv.FormatInt(s.Version, 10),
		Want: fmt.Sprintf("at most %d, as so many events are stored", version),
	}
}
