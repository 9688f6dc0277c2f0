package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// call runs the program in the test.
func call(t *testing.T, env map[string]string, args ...string) (stdout string) {
	t.Helper()
	var out, errs strings.Builder
	cfg := config()
	cfg.Stdout, cfg.Stderr, cfg.Getenv = &out, &errs, func(name string) string { return env[name] }
	code := fencelogcli.Run(t.Context(), args, cfg)
	require.Equal(t, fencelogcli.ExitOK, code, errs.String())
	require.Empty(t, errs.String())
	return out.String()
}

const allCreated = `Topic                       Partitions  Status
billing.account.events              10  created
billing.transaction.events          10  created
billing.saga.events                  5  created
billing.dead-letter                  1  created
`

// The script runs the program. If KAFKA_BROKERS is not set, it names the usual brokers.
func TestScriptCreatesTheTopics(t *testing.T) {
	t.Parallel()
	env := map[string]string{environment.Brokers: strings.Join(kafkatest.Fake(t), ",")}
	cmd := exec.Command("../create-topics.sh")
	cmd.Env = append(os.Environ(), environment.Brokers+"="+env[environment.Brokers])
	output, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, allCreated, string(output))
	exist := strings.ReplaceAll(allCreated, "created", "exists")
	require.Equal(t, exist, call(t, env, "topics", "create"))
	require.Equal(t, exist, call(t, env, "topics", "check"))

	dir := t.TempDir()
	stdout := call(t, env, "schemas", "register", "--registry-dir", dir)
	lines := strings.Split(stdout, "\n")
	require.Equal(t, "Event            Revision          Id  Subject", lines[0])
	require.Regexp(t, `^AccountCreated +1 +[1-9][0-9]+  billing.account.events-billing.account.AccountCreated$`,
		lines[1])
	require.Regexp(t, `AccountDebited +2 +[1-9][0-9]+  billing.account.events-billing.account.AccountDebited`, stdout)
	require.Contains(t, call(t, env, "doctor", "--registry-dir", dir), "knows the schemas of all")
}

// The library understands the example of an environment for a managed Kafka.
func TestManagedExampleIsUnderstood(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../managed/example.env")
	require.NoError(t, err)
	defer file.Close()
	env := make(map[string]string)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
			env[name] = value
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("tell-nobody\n"), 0o600))
	env[environment.SASLPasswordFile] = secret
	cfg, err := environment.Read(func(name string) string { return env[name] }, billing.Categories()...)
	require.NoError(t, err)
	require.Equal(t, "SASL_SSL, PLAIN as THE-API-KEY", cfg.Connection.Security.String())
	require.Equal(t, []string{"compression.type", "unclean.leader.election.enable"}, cfg.Topics.ProviderSettings)
	topics, err := cfg.Topics.All()
	require.NoError(t, err)
	require.NotContains(t, topics[0].Settings, "compression.type")
	require.Equal(t, "false", topics[0].Settings["unclean.leader.election.enable"], "it is checked all the same")
	require.NotEmpty(t, env["SCHEMA_REGISTRY_URL"])
}
