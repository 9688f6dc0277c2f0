package billing_test

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func Example() {
	env := map[string]string{"KAFKA_BROKERS": "localhost:9092,localhost:9093"}
	cfg, err := billing.KafkaFromEnv(func(name string) string { return env[name] })
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := cfg.Topics.All()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range all {
		fmt.Println(t.Name, t.Partitions)
	}
	// Output:
	// billing.account.events 10
	// billing.transaction.events 10
	// billing.saga.events 5
	// billing.dead-letter 1
}

// A program that keeps its events in memory needs the names of the categories and the types of the
// events. One in Kafka needs the categories with their partitions.
func ExampleCategories() {
	store, err := memory.New(memory.Config{Categories: billing.CategoryNames()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	types, err := event.NewTypes(billing.Events()...) // for event.NewBus
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range types.All() {
		fmt.Println(t.Category, t.Name)
	}
	for _, c := range billing.Categories() { // for topics.Config and fencelogcli.Config
		fmt.Println(c.Name, c.Partitions)
	}
	// Output:
	// Account AccountCreated
	// Account AccountCredited
	// Account AccountDebited
	// Account 10
	// Transaction 10
	// Saga 5
}

// Before a service starts, a deployment registers the schemas of all that is stored. A registry
// that is empty gets the earlier revisions first.
func ExampleSchemas() {
	schemas := registry.NewMemory() // or registry.NewHTTP
	registered, err := registry.Register(context.Background(), schemas, billing.Schemas(), billing.Stored(),
		schema.Config{Prefix: billing.TopicPrefix})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range registered {
		fmt.Println(r.Subject, "version", r.Version)
	}
	// Output:
	// billing.account.events-billing.account.AccountCreated version 1
	// billing.account.events-billing.account.AccountCredited version 2
	// billing.account.events-billing.account.AccountDebited version 2
}
