package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// program runs the command with the environment.
func program(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, &out, &errs, func(name string) string { return env[name] })
	return code, out.String(), errs.String()
}

// brokers are imitated ones that have the topics.
func brokers(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{environment.Brokers: strings.Join(kafkatest.Fake(t), ",")}
	cfg, err := billing.KafkaFromEnv(func(name string) string { return env[name] })
	require.NoError(t, err)
	kafkatest.Topics(t, cfg)
	return env
}

// answering is a registry that answers every question alike.
func answering(t *testing.T, status int, body string, date time.Time) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatIsWrongWithTheRegistry(t *testing.T) {
	t.Parallel()
	env := brokers(t)
	missing := `{"error_code":40401,"message":"Subject not found"}`
	for _, c := range []struct {
		name, url string
		says      []string
	}{
		{"not set", "", []string{"SCHEMA_REGISTRY_URL is not set"}},
		{"no URL", "nonsense", []string{`found the URL "nonsense"`}},
		{"nobody there", "http://127.0.0.1:1", []string{"start the registry", "curl http://"}},
		{"starting", answering(t, http.StatusServiceUnavailable, "{}", time.Now()), []string{"start the registry"}},
		{"no permission", answering(t, http.StatusUnauthorized, "{}", time.Now()), []string{"give SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD"}},
		{"no schemas", answering(t, http.StatusNotFound, missing, time.Now()), []string{"register-schemas", "AccountCreated"}},
		{"another program", answering(t, http.StatusOK, "<html>", time.Now()), []string{"does not speak the protocol of a schema registry", "curl http://"}},
		{"another time", answering(t, http.StatusNotFound, missing, time.Now().Add(-time.Hour)), []string{"are 1h0m", "NTP"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := program(t, map[string]string{environment.Brokers: env[environment.Brokers], "SCHEMA_REGISTRY_URL": c.url})
			require.Equal(t, exitWrong, code)
			require.Empty(t, stderr)
			require.Contains(t, stdout, "wrong    registry")
			for _, says := range c.says {
				require.Contains(t, stdout, says)
			}
		})
	}
}

func TestBrokersThatAreNotThere(t *testing.T) {
	t.Parallel()
	code, stdout, _ := program(t, map[string]string{environment.Brokers: "127.0.0.1:1"})
	require.Equal(t, exitWrong, code)
	require.Contains(t, stdout, "wrong    brokers        broker at 127.0.0.1:1: nothing listens there\n"+
		"                          -> start the broker, or correct its address in KAFKA_BROKERS; if it does not stay up, its log says why, and a common reason is a port that is taken (lsof -i :1)\n")
	require.Contains(t, stdout, "skipped  topics         not looked at: no broker answers\n")
	require.Contains(t, stdout, "1 ok, 2 wrong, 0 warnings, 6 skipped\n")
}

func TestFindingsForPrograms(t *testing.T) {
	t.Parallel()
	code, stdout, _ := program(t, brokers(t), "-json")
	require.Equal(t, exitWrong, code, "there is no registry")
	var found report
	require.NoError(t, json.Unmarshal([]byte(stdout), &found))
	wrong := 0
	for _, f := range found.Findings {
		if f.Verdict == doctor.Wrong {
			wrong++
			require.Equal(t, "registry", f.Check, f)
			require.NotEmpty(t, f.Do)
		}
	}
	require.Equal(t, 1, wrong)
}

func TestMistakesOfTheEnvironment(t *testing.T) {
	t.Parallel()
	code, stdout, _ := program(t, map[string]string{environment.SecurityProtocol: "SASL_SSL", environment.SASLPassword: "tell-nobody"})
	require.Equal(t, exitWrong, code)
	for _, says := range []string{"KAFKA_BROKERS is not set", "KAFKA_SASL_MECHANISM is not set", "KAFKA_SASL_USERNAME is not set"} {
		require.Contains(t, stdout, says)
	}
	require.NotContains(t, stdout, "tell-nobody")
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
	}{{[]string{"-x"}, exitUsage}, {[]string{"x"}, exitUsage}, {[]string{"-h"}, exitOK}} {
		code, stdout, stderr := program(t, nil, c.args...)
		require.Equal(t, c.code, code)
		said, silent := stderr, stdout
		if c.code == exitOK {
			said, silent = stdout, stderr
		}
		require.Contains(t, said, "-json")
		require.Empty(t, silent)
	}
}

// The example of an environment for a managed Kafka is one that is understood.
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
	cfg, err := billing.KafkaFromEnv(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, "SASL_SSL, PLAIN as THE-API-KEY", cfg.Connection.Security.String())
	require.Equal(t, []string{"compression.type", "unclean.leader.election.enable"}, cfg.Topics.ProviderSettings)
	topics, err := cfg.Topics.All()
	require.NoError(t, err)
	require.NotContains(t, topics[0].Settings, "compression.type")
	require.Equal(t, "false", topics[0].Settings["unclean.leader.election.enable"], "it is checked all the same")
	require.NotEmpty(t, env["SCHEMA_REGISTRY_URL"])
}

// The page on managed clusters says how a secret that has a slash stands in the URL.
func TestSecretOfTheRegistryIsPercentEncoded(t *testing.T) {
	t.Parallel()
	var user, password atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		user.Store(u)
		password.Store(p)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	env := brokers(t)
	env["SCHEMA_REGISTRY_URL"] = strings.Replace(s.URL, "http://", "http://KEY:open%2Fsesame%2B42%40night@", 1)
	_, stdout, _ := program(t, env)
	require.Equal(t, "KEY", user.Load())
	require.Equal(t, "open/sesame+42@night", password.Load())
	require.NotContains(t, stdout, "sesame")

	env["SCHEMA_REGISTRY_URL"] = strings.Replace(s.URL, "http://", "http://KEY:open/sesame@", 1)
	code, stdout, stderr := program(t, env)
	require.Equal(t, exitWrong, code)
	require.Contains(t, stdout, "wrong    registry")
	require.NotContains(t, stdout+stderr, "sesame")
}
