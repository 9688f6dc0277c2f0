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
