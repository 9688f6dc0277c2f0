package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// onFake makes the topics on imitated brokers and returns the service's environment.
func onFake(t *testing.T, brokers []string) map[string]string {
	t.Helper()
	env := map[string]string{
		brokersVariable:  strings.Join(brokers, ","),
		registryVariable: "http://registry.invalid", // see withoutRegistryServer
	}
	cfg, err := billing.KafkaFromEnv(getenvOf(env))
	require.NoError(t, err)
	cfg.Logger = slog.New(slog.DiscardHandler)
	kafkatest.Topics(t, cfg)
	return env
}

// withoutRegistryServer makes the service keep its schemas in memory.
func withoutRegistryServer(s *server) {
	s.connect = func(ctx context.Context, set settings, t *telemetry, logger *slog.Logger) (*backend, error) {
		return storeOnKafka(ctx, set, t, logger, func(cfg schema.Config) (*schema.Codec, error) {
			return registry.NewCodec(registry.NewMemory(), billing.Schemas(), cfg)
		})
	}
}

func TestIndexIsInTheFolderThatTheEnvironmentNames(t *testing.T) {
	t.Parallel()
	env := onFake(t, kafkatest.Fake(t))
	env[environment.IndexDir] = filepath.Join(t.TempDir(), "index")
	c, s := launch(t, env, withoutRegistryServer)
	<-s.ready
	c.open("alice")
	require.DirExists(t, env[environment.IndexDir])
}
