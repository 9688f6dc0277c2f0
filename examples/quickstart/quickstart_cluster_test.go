//go:build cluster

package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// On Kafka the first run shows the same as in memory, and the second finds the events of the first
// one.
func TestTwoRunsOnKafka(t *testing.T) {
	cluster := kafkatest.ForTest(t, kafkatest.Config{Registry: true})
	getenv := getenvOf(map[string]string{
		brokersVariable:  strings.Join(cluster.Brokers(), ","),
		registryVariable: cluster.RegistryURL(),
	})
	cfg, err := billing.KafkaFromEnv(getenv)
	require.NoError(t, err)
	cfg.Logger = slog.New(slog.DiscardHandler)
	kafkatest.Topics(t, cfg)

	// Without the deployment step the program does not start, and names everything that is missing.
	code, _, missing := program(t, "", getenv)
	require.Equal(t, exitFailed, code)
	for _, e := range billing.Events() {
		require.Contains(t, missing, "billing.account.events-billing.account."+e.Name)
	}
	require.Contains(t, missing, "go run ./examples/infrastructure/billing-tool schemas register")
	schemas, err := registry.NewHTTP(cluster.RegistryURL(), registry.HTTPConfig{})
	require.NoError(t, err)
	_, err = registry.Register(t.Context(), schemas, billing.Schemas(), billing.Stored(),
		schema.Config{Prefix: billing.TopicPrefix})
	require.NoError(t, err)
	require.NoError(t, schemas.Close())
	for _, run := range []struct{ file, name string }{
		{"sample.txt", "first run"},
		{"second-run.txt", "second run"},
		{"second-run.txt", "third run"},
	} {
		code, stdout, stderr := program(t, "", getenv)
		require.Equal(t, exitOK, code, "%s: %s", run.name, stderr)
		for line := range strings.Lines(stderr) {
			require.Regexp(t, "(asked|tried|made) again", line,
				"%s: brokers may let wait, and nothing else is wrong", run.name)
		}
		where, rest, _ := strings.Cut(stdout, "\n")
		require.Equal(t, "Events    in Kafka at "+getenv(brokersVariable)+", schemas at "+cluster.RegistryURL(), where)
		golden(t, run.file, rest)
	}

	var stdout, stderr bytes.Buffer
	more := strings.NewReader(
		`{"command":"CreditAccount","accountId":"alice","transactionId":"more","entryType":"ADJUSTMENT",` +
			`"amount":"0.25","currency":"USD","contra":"bank"}`)
	require.Equal(t, exitOK, run(t.Context(), []string{"-"}, more, &stdout, &stderr, getenv), stderr.String())
	require.Contains(t, stdout.String(), "→ v4 AccountCredited, balance 70.00")
}
