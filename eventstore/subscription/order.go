package subscription

import "fmt"

// Order says which events of a category wait for one another. See [Config].
//
// A group may be started again with another order, also while it has dead letters. Then the letters
// hold up what the new order says, whichever order they were set aside in. Letters that only waited
// for events that are of another key in the new order go on by themselves.
type Order uint8

const (
	// ByStream hands out the events of one aggregate one at a time and in order. A dead letter
	// holds up the later events of its aggregate. This is the default.
	ByStream Order = iota
	// ByPartitionKey hands out the events of all aggregates of one partition key one at a time and
	// in order. A dead letter holds up the later events of its partition key. If each aggregate has
	// a partition key for itself, this is the same as ByStream.
	ByPartitionKey

	orders = iota // how many there are
)

// Known reports whether o is one of the constants.
func (o Order) Known() bool { return o < orders }

// String returns the durable name, "by-stream" or "by-partition-key".
func (o Order) String() string {
	switch o {
	case ByStream:
		return "by-stream"
	case ByPartitionKey:
		return "by-partition-key"
	}
	return fmt.Sprintf("Order(%d)", uint8(o))
}

// MarshalText returns the durable name.
func (o Order) MarshalText() ([]byte, error) {
	if !o.Known() {
		return nil, fmt.Errorf("%s: expected %s or %s", o, ByStream, ByPartitionKey)
	}
	return []byte(o.String()), nil
}

// UnmarshalText reads a durable name.
func (o *Order) UnmarshalText(name []byte) error {
	for known := range Order(orders) {
		if known.String() == string(name) {
			*o = known
			return nil
		}
	}
	return fmt.Errorf("order %q: expected %s or %s", name, ByStream, ByPartitionKey)
}
