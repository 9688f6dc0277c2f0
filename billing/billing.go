package billing

import (
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
)

// Durable names of the aggregate types that have no package yet.
const (
	transactionType = "Transaction"
	sagaType        = "Saga"
)

// Numbers of partitions. They are fixed for ever: an aggregate's partition follows from its id and
// this number.
const (
	accountPartitions     = 10
	transactionPartitions = 10
	sagaPartitions        = 5
)

// Categories returns the aggregate types of the billing services, a topic each.
func Categories() []topics.Category {
	return []topics.Category{
		{Name: account.Accounts.Name(), Partitions: accountPartitions},
		{Name: transactionType, Partitions: transactionPartitions},
		{Name: sagaType, Partitions: sagaPartitions},
	}
}

// CategoryNames returns the names of Categories, for a store in memory.
func CategoryNames() []string {
	var names []string
	for _, c := range Categories() {
		names = append(names, c.Name)
	}
	return names
}

// Schemas returns the schema files of all events, for [schema.NewCodec].
func Schemas() schema.Sources {
	return schema.Sources{account.Accounts.Name(): account.Schemas}
}

// Events returns the types of all events, for [event.NewTypes].
func Events() []event.Type {
	return account.Accounts.Events()
}

// Stored returns what a codec reads and writes, for a registry: the types of all events, and of
// those stored before their meaning changed.
func Stored() []event.Type {
	return account.Accounts.Stored()
}
