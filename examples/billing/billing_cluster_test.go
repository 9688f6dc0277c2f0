//go:build cluster

package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// patience is for claims and rebalances on busy machines.
const patience = 3 * time.Minute

// onBrokers starts a cluster with the topics and returns the service's environment.
func onBrokers(t *testing.T) map[string]string {
	t.Helper()
	cluster := kafkatest.ForTest(t, kafkatest.Config{Registry: true})
	env := map[string]string{
		brokersVariable:  strings.Join(cluster.Brokers(), ","),
		registryVariable: cluster.RegistryURL(),
	}
	cfg, err := billing.KafkaFromEnv(getenvOf(env))
	require.NoError(t, err)
	cfg.Logger = slog.New(slog.DiscardHandler)
	kafkatest.Topics(t, cfg)
	return env
}

// registerSchemas is the deployment step.
func registerSchemas(t *testing.T, env map[string]string) {
	t.Helper()
	schemas, err := registry.NewHTTP(env[registryVariable], registry.HTTPConfig{})
	require.NoError(t, err)
	defer schemas.Close()
	_, err = registry.Register(t.Context(), schemas, billing.Schemas(), billing.Stored(), schema.Config{
		Prefix: cmp.Or(env[environment.TopicPrefix], billing.TopicPrefix),
	})
	require.NoError(t, err)
}

// Without the deployment step the service ends, names all that is missing and registers nothing.
func TestSchemasAreTheDeploymentsToRegister(t *testing.T) {
	env := onBrokers(t)
	env[environment.TopicPrefix] = "undeployed" // a registry that is shared may have the others
	cfg, err := billing.KafkaFromEnv(getenvOf(env))
	require.NoError(t, err)
	kafkatest.Topics(t, cfg)
	env[addressVariable] = "127.0.0.1:0"
	for range 2 {
		var stdout, stderr strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		require.Equal(t, exitFailed, run(ctx, nil, getenvOf(env), &stdout, &stderr))
		cancel()
		for _, e := range billing.Events() {
			require.Contains(t, stderr.String(), "undeployed.account.events-billing.account."+e.Name)
		}
		require.Contains(t, stderr.String(), "go run ./examples/infrastructure/billing-tool schemas register")
	}
	registerSchemas(t, env)
	c, s := launch(t, env)
	select {
	case <-s.ready:
	case <-time.After(patience):
		require.Fail(t, "it is not ready")
	}
	c.open("alice")
}

// instance runs one instance that shares its work, and waits until it serves.
func instance(t *testing.T, env map[string]string, name string) *client {
	t.Helper()
	own := map[string]string{advertiseVariable: name, environment.IndexDir: t.TempDir()}
	for k, v := range env {
		own[k] = v
	}
	c, s := launch(t, own)
	select {
	case <-s.ready:
	case <-time.After(patience):
		require.Fail(t, "it is not ready", name)
	}
	require.Eventually(t, func() bool { return c.do(http.MethodGet, "/readyz", "").status == http.StatusOK },
		patience, 50*time.Millisecond, "ready")
	return c
}

// Two instances run on real brokers. Each names the owner of a request that it cannot serve. A key
// gets the same answer, whichever instance owns the account by then. Nothing is lost when an
// instance stops.
func TestInstancesOnKafka(t *testing.T) {
	env := onBrokers(t)
	registerSchemas(t, env)
	const first, second = "billing-1:3001", "billing-2:3001"
	instances := map[string]*client{first: instance(t, env, first), second: instance(t, env, second)}

	// send goes to the instance that the answers name, as a client does.
	moved := 0
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	send := func(path, key, body string) reply {
		t.Helper()
		at := first
		deadline := time.Now().Add(patience)
		for {
			if instances[at] == nil {
				at = second
			}
			r := instances[at].post(path, key, body)
			switch r.status {
			case http.StatusMisdirectedRequest:
				var p problem
				r.as(t, &p)
				require.Equal(t, "NotOwner", r.code(t))
				require.Contains(t, []string{first, second}, p.Owner)
				moved++
				at = p.Owner
			case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
				require.NotEmpty(t, r.header.Get("Retry-After"))
			default:
				return r
			}
			require.True(t, time.Now().Before(deadline), r.text)
			<-again.C
		}
	}
	run := uuid.NewString()[:8]
	id := func(i int) string { return fmt.Sprint("a-", run, "-", i) }
	const accounts = 12
	var answers []reply
	for i := range accounts {
		require.Equal(t, http.StatusCreated, send(accountsPath, "open-"+id(i), createBody(id(i))).status)
		r := send(accountsPath+"/"+id(i)+"/credits", "topup", postBody("topup", "10.00"))
		require.Equal(t, http.StatusCreated, r.status, r.text)
		r.header.Del(replayedHeader) // it may have had to be sent again
		answers = append(answers, r)
	}
	require.Positive(t, moved, "both instances own some")

	require.NoError(t, instances[first].stop())
	delete(instances, first)
	for i := range accounts {
		repeated(t, answers[i], send(accountsPath+"/"+id(i)+"/credits", "topup", postBody("topup", "10.00")))
		reused := send(accountsPath+"/"+id(i)+"/credits", "topup", postBody("topup", "11.00"))
		require.Equal(t, "CommandReused", reused.code(t))
		require.Equal(t, "InsufficientFunds", send(accountsPath+"/"+id(i)+"/debits", "spend",
			postBody("spend", "10.01")).code(t))
		require.Equal(t, "10.00", instances[second].posted(id(i)))
	}
}
