package fencelogcli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/fencelogcli"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// withTopics are imitated brokers that have the topics.
func withTopics(t *testing.T) map[string]string {
	t.Helper()
	brokers := kafkatest.Fake(t)
	cfg := kafka.Config{Topics: topics.Config{Categories: shop().Categories, Prefix: "shop"}}
	cfg.Connection.Brokers = brokers
	kafkatest.Topics(t, cfg)
	return envOf(brokers)
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

func TestDoctorFindsNothingWrong(t *testing.T) {
	t.Parallel()
	env, dir := withTopics(t), t.TempDir()
	good(t, shop(), nil, "schemas", "register", "--registry-dir", dir)
	stdout := good(t, shop(), env, "doctor", "--registry-dir", dir)
	require.Contains(t, stdout, "ok       topics ")
	require.Contains(t, stdout, "ok       registry       "+dir+" knows the schemas of all 1 events\n")
	require.Contains(t, stdout, " ok, 0 wrong, ")
	require.Contains(t, good(t, shop(), env, "doctor", "--registry-dir", dir, "--sharing"), " ok, 0 wrong, ")

	// A store of events in JSON has no registry.
	generic := []string{"doctor", "--category", "Account:2,Order:1", "--prefix", "shop"}
	require.Contains(t, good(t, fencelogcli.Config{}, env, generic...),
		"skipped  registry       not looked at: no schema files are known, and SCHEMA_REGISTRY_URL is not set\n")
	env["SCHEMA_REGISTRY_URL"] = answering(t, http.StatusOK, "[]", time.Now())
	require.Contains(t, good(t, fencelogcli.Config{}, env, generic...), " answers\n")
}

func TestDoctorOnTheRegistry(t *testing.T) {
	t.Parallel()
	env := withTopics(t)
	missing := `{"error_code":40401,"message":"Subject not found"}`
	for _, c := range []struct {
		name, url string
		says      []string
	}{
		{"not set", "", []string{"SCHEMA_REGISTRY_URL is not set"}},
		{"no URL", "nonsense", []string{`found the URL "nonsense"`}},
		{"nobody there", "http://127.0.0.1:1", []string{"start the registry", "curl http://"}},
		{"starting", answering(t, http.StatusServiceUnavailable, "{}", time.Now()), []string{"start the registry"}},
		{"no permission", answering(t, http.StatusUnauthorized, "{}", time.Now()), []string{
			"give SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD",
		}},
		{"no schemas", answering(t, http.StatusNotFound, missing, time.Now()), []string{
			"register them: shop schemas register", "Opened",
		}},
		{"another program", answering(t, http.StatusOK, "<html>", time.Now()), []string{
			"does not speak the protocol of a schema registry", "curl http://",
		}},
		{"another time", answering(t, http.StatusNotFound, missing, time.Now().Add(-time.Hour)), []string{
			"are 1h0m", "NTP",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"KAFKA_BROKERS": env["KAFKA_BROKERS"], "SCHEMA_REGISTRY_URL": c.url}
			stdout, stderr := bad(t, shop(), env, "doctor")
			require.Empty(t, stderr)
			require.Contains(t, stdout, "wrong    registry")
			for _, says := range c.says {
				require.Contains(t, stdout, says)
			}
		})
	}
}

func TestDoctorWithoutBrokers(t *testing.T) {
	t.Parallel()
	stdout, _ := bad(t, shop(), envOf([]string{"127.0.0.1:1"}), "doctor")
	require.Contains(t, stdout, "wrong    brokers        broker at 127.0.0.1:1: "+
		"nothing listens there\n                          -> start the broker, "+
		"or correct its address in KAFKA_BROKERS; if it does not stay up, its log says why, "+
		"and a common reason is a port that is taken (lsof -i :1)\n")
	require.Contains(t, stdout, "skipped  topics         not looked at: no broker answers\n")
	require.Contains(t, stdout, "1 ok, 2 wrong, 0 warnings, 6 skipped\n")
}

func TestDoctorForPrograms(t *testing.T) {
	t.Parallel()
	stdout, _ := bad(t, shop(), withTopics(t), "doctor", "--json")
	var found struct {
		Findings []doctor.Finding `json:"findings"`
	}
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

func TestDoctorOnTheEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD": "tell-nobody"}
	stdout, _ := bad(t, shop(), env, "doctor")
	for _, variable := range []string{"KAFKA_BROKERS", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME"} {
		require.Contains(t, stdout, variable+" is not set")
	}
	require.NotContains(t, stdout, "tell-nobody")
}

// A secret that has a slash stands percent-encoded in the registry's URL.
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
	env := withTopics(t)
	env["SCHEMA_REGISTRY_URL"] = strings.Replace(s.URL, "http://", "http://KEY:open%2Fsesame%2B42%40night@", 1)
	stdout, _ := bad(t, shop(), env, "doctor")
	require.Equal(t, "KEY", user.Load())
	require.Equal(t, "open/sesame+42@night", password.Load())
	require.NotContains(t, stdout, "sesame")

	env["SCHEMA_REGISTRY_URL"] = strings.Replace(s.URL, "http://", "http://KEY:open/sesame@", 1)
	stdout, stderr := bad(t, shop(), env, "doctor")
	require.Contains(t, stdout, "wrong    registry")
	require.NotContains(t, stdout+stderr, "sesame")
}
