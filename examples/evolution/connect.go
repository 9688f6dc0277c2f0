package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	brokersVariable  = "KAFKA_BROKERS"
	registryVariable = "SCHEMA_REGISTRY_URL"
)

// backend keeps the events and their schemas.
type backend struct {
	store   eventstore.Store
	schemas registry.Registry
	claim   func(context.Context) error // makes the store the one that appends; it may be repeated
	close   func() error
}

// connect returns the store and the registry that the environment names.
func connect(ctx context.Context, getenv func(string) string, logger *slog.Logger) (*backend, error) {
	if getenv(brokersVariable) == "" {
		store, err := memory.New(memory.Config{Categories: []string{tillType}})
		if err != nil {
			return nil, err
		}
		return &backend{store, registry.NewMemory(), func(context.Context) error { return nil }, store.Close}, nil
	}
	cfg, err := environment.Read(getenv, topics.Category{Name: tillType, Partitions: 1})
	if err != nil {
		return nil, err
	}
	cfg.Topics.Prefix, cfg.Connection.Logger = prefix, logger
	schemas, err := registry.HTTPFromEnv(getenv, registry.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	if _, err := topics.Create(ctx, cfg.Connection, cfg.Topics); err != nil {
		return nil, errors.Join(err, schemas.Close())
	}
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, schemas.Close())
	}
	return &backend{store, schemas, store.Claim, func() error { return errors.Join(store.Close(), schemas.Close()) }}, nil
}
