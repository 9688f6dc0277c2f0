package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	brokersVariable  = "KAFKA_BROKERS"
	registryVariable = "SCHEMA_REGISTRY_URL"
)

// backend keeps the events and their schemas.
type backend struct {
	name  string
	store eventstore.Store
	codec *schema.Codec
	claim func(context.Context) error
	close func() error
}

// connect returns the backend that the environment names: Kafka if KAFKA_BROKERS is set, else
// memory.
func connect(ctx context.Context, getenv func(string) string, logger *slog.Logger) (*backend, error) {
	if getenv(brokersVariable) == "" {
		return inMemory()
	}
	return onKafka(ctx, getenv, logger)
}

func inMemory() (*backend, error) {
	store, err := memory.New(memory.Config{Categories: billing.CategoryNames()})
	if err != nil {
		return nil, err
	}
	codec, err := registry.NewCodec(registry.NewMemory(), billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &backend{
		name:  fmt.Sprintf("in memory, gone when the program ends (set %s for Kafka)", brokersVariable),
		store: store,
		codec: codec,
		claim: func(context.Context) error { return nil },
		close: store.Close,
	}, nil
}

func onKafka(ctx context.Context, getenv func(string) string, logger *slog.Logger) (*backend, error) {
	if getenv(registryVariable) == "" {
		return nil, fmt.Errorf("%s is set but %s is not: give the schema registry, such as http://localhost:8081, "+
			"or unset %s to keep the events in memory", brokersVariable, registryVariable, brokersVariable)
	}
	schemas, err := registry.HTTPFromEnv(getenv, registry.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	cfg, err := billing.KafkaFromEnv(getenv)
	if err != nil {
		return nil, errors.Join(err, schemas.Close())
	}
	cfg.Logger = logger
	codec, err := schema.NewCodec(schemas, billing.Schemas(), schema.Config{Prefix: cfg.Topics.Prefix})
	if err != nil {
		return nil, errors.Join(err, schemas.Close())
	}
	store, err := kafka.Open(ctx, cfg)
	var off *topics.Error
	if errors.As(err, &off) {
		err = fmt.Errorf(
			"%w\nto create the missing topics and to see what is off: "+
				"go run ./examples/infrastructure/billing-tool topics create",
			err)
	}
	if err != nil {
		return nil, errors.Join(err, schemas.Close())
	}
	return &backend{
		name:  fmt.Sprintf("in Kafka at %s, schemas at %s", strings.Join(cfg.Connection.Brokers, ","), schemas.URL()),
		store: store,
		codec: codec,
		claim: store.Claim,
		close: func() error { return errors.Join(store.Close(), schemas.Close()) },
	}, nil
}
