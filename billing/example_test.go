package billing_test

import (
	"fmt"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/environment"
)

func Example() {
	env := map[string]string{"KAFKA_BROKERS": "localhost:9092,localhost:9093"}
	cfg, err := environment.Read(func(name string) string { return env[name] }, billing.Categories()...)
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
