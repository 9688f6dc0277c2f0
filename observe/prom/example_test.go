package prom_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/observe/prom"
)

func Example() {
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry, prom.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: []string{"localhost:9092"}},
		Topics:     topics.Config{Categories: []topics.Category{{Name: "Account"}}},
	}
	if cfg.Hooks, err = metrics.Kafka(cfg); err != nil { // then kafka.Open(ctx, cfg), and metrics.Store(store)
		fmt.Println(err)
		return
	}
	_ = command.NewBus(command.Config{Middleware: []command.Middleware{metrics.Commands()}})

	families, err := registry.Gather()
	fmt.Println(len(families), families[0].GetName(), err)
	// Output: 11 fencelog_append_duration_seconds <nil>
}
