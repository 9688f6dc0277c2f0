package eventstore

import (
	"fmt"
	"strings"
)

// PartitionKey says which part of an aggregate's id decides where its stream is stored. It is fixed
// for a category once that has events.
//
// Streams of one partition key are in one partition, in one order. So one commit may write to
// several of them, and may expect versions of others. A command id is used once per partition key.
// All streams of one partition key share the throughput of one partition.
type PartitionKey uint8

const (
	// WholeID is the whole id: each stream has a partition key for itself. This is the default.
	WholeID PartitionKey = iota
	// BeforeSlash is the part of the id before its first slash, or the whole id if it has none. So
	// the accounts "acme/alice" and "acme/bob" have the partition key "acme". An id must not begin
	// with a slash.
	BeforeSlash

	partitionKeys = iota // how many there are
)

// Of returns the partition key of the aggregate with the id.
func (k PartitionKey) Of(id string) string {
	if k == BeforeSlash {
		id, _, _ = strings.Cut(id, "/")
	}
	return id
}

// Known reports whether k is one of the constants.
func (k PartitionKey) Known() bool { return k < partitionKeys }

// String returns the durable name, "whole-id" or "before-slash".
func (k PartitionKey) String() string {
	switch k {
	case WholeID:
		return "whole-id"
	case BeforeSlash:
		return "before-slash"
	}
	return fmt.Sprintf("PartitionKey(%d)", uint8(k))
}

// MarshalText returns the durable name.
func (k PartitionKey) MarshalText() ([]byte, error) {
	if !k.Known() {
		return nil, fmt.Errorf("%s: expected %s or %s", k, WholeID, BeforeSlash)
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads a durable name.
func (k *PartitionKey) UnmarshalText(name []byte) error {
	for known := range PartitionKey(partitionKeys) {
		if known.String() == string(name) {
			*k = known
			return nil
		}
	}
	return fmt.Errorf("partition key %q: expected %s or %s", name, WholeID, BeforeSlash)
}
