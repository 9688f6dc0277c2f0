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
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
)

const (
	brokersVariable  = "KAFKA_BROKERS"
	registryVariable = "SCHEMA_REGISTRY_URL"
)

// backend keeps the events and their schemas.
type backend struct {
	name     string
	store    eventstore.Store
	registry schema.Registry
	schemas  schema.Config
	claim    func(context.Context) error
	close    func() error
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
	store, err := memory.New(memory.Config{Categories: billing.AggregateTypes()})
	if err != nil {
		return nil, err
	}
	return &backend{
		name:     fmt.Sprintf("in memory, gone when the program ends (set %s for Kafka)", brokersVariable),
		store:    store,
		registry: schema.NewMemory(),
		schemas:  schema.Config{Register: true}, // nobody else can
		claim:    func(context.Context) error { return nil },
		close:    store.Close,
	}, nil
}

func onKafka(ctx context.Context, getenv func(string) string, logger *slog.Logger) (*backend, error) {
	if getenv(registryVariable) == "" {
		return nil, fmt.Errorf("%s is set but %s is not: give the schema registry, such as http://localhost:8081, "+
			"or unset %s to keep the events in memory", brokersVariable, registryVariable, brokersVariable)
	}
	registry, err := schema.HTTPFromEnv(getenv, schema.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	cfg, err := environment.Read(getenv, billing.Categories()...)
	if err != nil {
		return nil, errors.Join(err, registry.Close())
	}
	cfg.Logger = logger
	store, err := kafka.Open(ctx, cfg)
	var off *topics.Error
	if errors.As(err, &off) {
		err = fmt.Errorf("%w\nto create the missing topics and to see what is off: go run ./examples/infrastructure/create-topics", err)
	}
	if err != nil {
		return nil, errors.Join(err, registry.Close())
	}
	return &backend{
		name:     fmt.Sprintf("in Kafka at %s, schemas at %s", strings.Join(cfg.Connection.Brokers, ","), registry.URL()),
		store:    store,
		registry: registry,
		schemas:  schema.Config{Prefix: cfg.Topics.Prefix},
		claim:    store.Claim,
		close:    func() error { return errors.Join(store.Close(), registry.Close()) },
	}, nil
}
