package aggregate_test

import (
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/topics"
)

// On Kafka the partition key is a setting of the category.
func ExampleRepository_UpdateAll_kafka() {
	cfg, err := topics.Config{
		Categories: []topics.Category{{Name: "Till", PartitionKey: eventstore.BeforeSlash}},
	}.Complete()
	fmt.Println(cfg.Categories[0].PartitionKey, err)
	// Output: before-slash <nil>
}
