package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/schema"
)

const (
	brokersVariable  = "KAFKA_BROKERS"
	registryVariable = "SCHEMA_REGISTRY_URL"
)

// connect returns the store and the registry that the environment names.
func connect(
	ctx context.Context, getenv func(string) string, logger *slog.Logger,
) (_ eventstore.Store, _ schema.Registry, disconnect func() error, err error) {
	if getenv(brokersVariable) == "" {
		store, err := memory.New(memory.Config{Categories: []string{tillType}})
		if err != nil {
			return nil, nil, nil, err
		}
		return store, schema.NewMemory(), store.Close, nil
	}
	cfg, err := kafka.FromEnv(getenv, kafka.Category{Type: tillType, Partitions: 1})
	if err != nil {
		return nil, nil, nil, err
	}
	cfg.TopicPrefix, cfg.Logger = prefix, logger
	registry, err := schema.HTTPFromEnv(getenv, schema.HTTPConfig{})
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := kafka.CreateTopics(ctx, cfg); err != nil {
		return nil, nil, nil, errors.Join(err, registry.Close())
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, nil, nil, errors.Join(err, registry.Close())
	}
	return store, registry, func() error { return errors.Join(store.Close(), registry.Close()) }, nil
}
