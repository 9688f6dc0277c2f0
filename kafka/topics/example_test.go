package topics_test

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

func Example() {
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3)) // brokers in this process, for the example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer brokers.Close()
	conn := connection.Config{Brokers: brokers.ListenAddrs()}
	cfg := topics.Config{Prefix: "shop", Categories: []topics.Category{{Name: "Order", Partitions: 4}}}

	made, err := topics.Create(context.Background(), conn, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range made {
		fmt.Println(t.Name, t.Partitions, t.Created)
	}

	found, err := topics.Check(context.Background(), conn, cfg)
	fmt.Println(len(found), topics.ErrorOf(found), err)
	// Output:
	// shop.order.events 4 true
	// shop.dead-letter 1 true
	// 2 <nil> <nil>
}

// Another program, such as a consumer in another language, asks for the names.
func ExampleConfig_NameOf() {
	cfg := topics.Config{Prefix: "shop", Categories: []topics.Category{{Name: "Order"}, {Name: "Customer"}}}
	fmt.Println(cfg.NameOf("Order"))
	fmt.Println(cfg.DeadLetters())
	fmt.Println(cfg.Names())
	// Output:
	// shop.order.events
	// shop.dead-letter
	// [shop.order.events shop.customer.events]
}
