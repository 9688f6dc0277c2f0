package billing_test

import (
	"fmt"

	"github.com/fencelog/fencelog/billing"
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
