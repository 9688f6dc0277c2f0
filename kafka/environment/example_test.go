package environment_test

import (
	"fmt"

	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/topics"
)

func ExampleRead() {
	variables := map[string]string{
		environment.Brokers: "localhost:9092,localhost:9093", environment.TopicPrefix: "shop",
	}
	getenv := func(name string) string { return variables[name] } // a program gives os.Getenv

	cfg, err := environment.Read(getenv, topics.Category{Name: "Order"})
	fmt.Println(cfg.Connection.Brokers, cfg.Topics.NameOf("Order"), err)

	variables[environment.SASLMechanism] = "PLAIN"
	_, err = environment.Read(getenv, topics.Category{Name: "Order"})
	fmt.Println(err)
	// Output:
	// [localhost:9092 localhost:9093] shop.order.events <nil>
	// KAFKA_SASL_MECHANISM: found a value, expected none, as KAFKA_SECURITY_PROTOCOL is PLAINTEXT, the default; did you mean SASL_SSL or SASL_PLAINTEXT there?
}
