package billing

import (
	"cmp"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/environment"
)

// Names of the billing services in Kafka, where the environment gives no others.
const (
	TopicPrefix = "billing"        // of the topics, and of the subjects of their schemas
	ClientID    = "billing-engine" // by which the brokers know a service
)

// KafkaFromEnv returns the configuration of the billing store from the environment, as
// [environment.Read] does, with the categories and the names of the billing services.
func KafkaFromEnv(getenv func(string) string) (kafka.Config, error) {
	cfg, err := environment.Read(getenv, Categories()...)
	if err != nil {
		return kafka.Config{}, err
	}
	cfg.Topics.Prefix = cmp.Or(cfg.Topics.Prefix, TopicPrefix)
	cfg.Connection.ClientID = cmp.Or(cfg.Connection.ClientID, ClientID)
	return cfg, nil
}
