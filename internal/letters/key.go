package letters

import "github.com/fencelog/fencelog/eventstore/subscription"

// Key is an event's keys in all orders. A letter has both, so that a handler may be started with
// another order while it has letters.
type Key struct {
	Stream    string // the aggregate's id
	Partition string // the partition key
}

// In returns the key of the event in an order.
func (k Key) In(o subscription.Order) string {
	if o == subscription.ByPartitionKey {
		return k.Partition
	}
	return k.Stream
}

// scope is all events of one key in one order.
type scope struct {
	order subscription.Order
	key   string
}

// scopes returns what the event is of.
func (k Key) scopes() [2]scope {
	return [...]scope{{subscription.ByStream, k.Stream}, {subscription.ByPartitionKey, k.Partition}}
}
