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

// backend keeps the events and their schemas.
type backend struct {
	name      string
	store     eventstore.Store
	codec     *schema.Codec
	kafka     *kafka.Store // nil in memory
	advertise string       // where this instance is reached; empty if it is the only one
	claim     func(context.Context) error
	close     func() error
}

// connect returns the backend that the settings name. On Kafka it returns once the store has caught
// up; the store owns nothing before claim.
func connect(ctx context.Context, s settings, t *telemetry, logger *slog.Logger) (*backend, error) {
	if s.getenv(brokersVariable) == "" {
		return inMemory(t)
	}
	return onKafka(ctx, s, t, logger)
}

func inMemory(t *telemetry) (*backend, error) {
	store, err := memory.New(memory.Config{Categories: billing.CategoryNames(), OnAppend: t.appended})
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

func onKafka(ctx context.Context, s settings, t *telemetry, logger *slog.Logger) (*backend, error) {
	schemas, err := registry.HTTPFromEnv(s.getenv, registry.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	b, err := storeOnKafka(ctx, s, t, logger, func(cfg schema.Config) (*schema.Codec, error) {
		return schema.NewCodec(schemas, billing.Schemas(), cfg)
	})
	if err != nil {
		return nil, errors.Join(err, schemas.Close())
	}
	b.name += ", schemas at " + schemas.URL()
	store := b.close
	b.close = func() error { return errors.Join(store(), schemas.Close()) }
	return b, nil
}

// storeOnKafka opens the store. newCodec gets the prefix of its topics.
func storeOnKafka(
	ctx context.Context, s settings, t *telemetry, logger *slog.Logger,
	newCodec func(schema.Config) (*schema.Codec, error),
) (*backend, error) {
	cfg, err := billing.KafkaFromEnv(s.getenv)
	if err != nil {
		return nil, err
	}
	codec, err := newCodec(schema.Config{Prefix: cfg.Topics.Prefix})
	if err != nil {
		return nil, err
	}
	cfg.Logger = logger
	if cfg.Hooks, err = t.kafka(cfg); err != nil {
		return nil, err
	}
	cfg.Sharing.Advertise, cfg.QuietTime, cfg.CheckEvery = s.advertise, s.quietTime, s.checkEvery
	store, err := kafka.Open(ctx, cfg)
	var off *topics.Error
	if errors.As(err, &off) {
		err = fmt.Errorf("%w\nto create the missing topics and to see what is off: "+
			"go run ./examples/infrastructure/billing-tool topics create", err)
	}
	if err == nil {
		if err = t.metrics.Store(store); err != nil {
			err = errors.Join(err, store.Close())
		}
	}
	if err != nil {
		return nil, err
	}
	return &backend{
		name:      "in Kafka at " + strings.Join(cfg.Connection.Brokers, ","),
		store:     store,
		codec:     codec,
		kafka:     store,
		advertise: s.advertise,
		claim:     store.Claim,
		close:     store.Close,
	}, nil
}
