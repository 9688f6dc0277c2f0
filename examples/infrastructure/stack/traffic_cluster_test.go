//go:build cluster

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/observe/prom"
)

const (
	accountEvents = "billing.account.events"
	accounts      = 300
	perAccount    = 10
	firstEvents   = accounts * perAccount
)

// openStore opens a store that takes the partitions from the billing service.
func openStore(t *testing.T, brokers []string) *kafka.Store {
	t.Helper()
	store, err := kafka.Open(t.Context(), kafka.Config{
		Connection: connection.Config{Brokers: brokers},
		Topics:     topics.Config{Categories: billing.Categories(), Prefix: billing.TopicPrefix},
		Logger:     slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Claim(t.Context()))
	return store
}

// service is the URL of the billing service.
type service string

// open opens an account.
func (s service) open(ctx context.Context, id string) error {
	return s.post(ctx, "/v1/accounts",
		fmt.Sprintf(`{"id": %q, "ownerId": "user-1", "ownerType": "USER", "accountType": "USER", "currency": "USD"}`,
			id))
}

// fill opens an account and credits it: perAccount events.
func (s service) fill(ctx context.Context, id string) error {
	err := s.open(ctx, id)
	for i := 1; i < perAccount && err == nil; i++ {
		err = s.post(ctx, "/v1/accounts/"+id+"/credits", fmt.Sprintf(
			`{"transactionId": "t-%d", "entryType": "TOPUP", "amount": "1.00", "currency": "USD", "contra": "bank"}`,
			i))
	}
	return err
}

// refuses sends what must be refused: it opens an account again, and asks for one that does not
// exist.
func (s service) refuses(ctx context.Context, id string) error {
	if err := s.open(ctx, id); err == nil || !strings.Contains(err.Error(), "AccountAlreadyExists") {
		return fmt.Errorf("opened twice: %w", err)
	}
	response, err := http.Get(string(s) + "/v1/accounts/nobody-" + id)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("an account that there is not: %s", response.Status)
	}
	return nil
}

func (s service) post(ctx context.Context, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(s)+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return err
}

// appendMany appends the first events, the same number to each of many accounts.
func appendMany(t *testing.T, api service) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(32)
	for i := range accounts {
		group.Go(func() error {
			return api.fill(ctx, fmt.Sprintf("account-%d", i))
		})
	}
	require.NoError(t, group.Wait())
}

// newGroup returns a consumer of the account events.
func newGroup(t *testing.T, brokers []string, name string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup(name), kgo.ConsumeTopics(accountEvents),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.WithLogger(nil))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// consume takes n events and commits them.
func consume(ctx context.Context, client *kgo.Client, n int) error {
	for n > 0 {
		fetches := client.PollRecords(ctx, n)
		if err := fetches.Err0(); err != nil {
			return err
		}
		if err := client.CommitRecords(ctx, fetches.Records()...); err != nil {
			return err
		}
		n -= fetches.NumRecords()
	}
	return nil
}

// keepOn appends twice as fast as it consumes, until the returned function is called. It appends
// some twenty events in a second.
func keepOn(t *testing.T, api service, client *kgo.Client) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			id := fmt.Sprintf("busy-%d", i)
			err := api.fill(ctx, id)
			if err == nil {
				err = api.refuses(ctx, id)
			}
			if err == nil {
				err = consume(ctx, client, perAccount/2)
			}
			if err != nil && ctx.Err() == nil {
				t.Errorf("traffic: %v", err)
				return
			}
		}
	})
	return func() {
		cancel()
		working.Wait()
	}
}

// abandon makes a group that has something to consume and no members.
func abandon(t *testing.T, admin *kadm.Client, name string) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(accountEvents, 0, 1, -1)
	require.NoError(t, admin.CommitAllOffsets(t.Context(), name, offsets))
}

// behind is the lag of the subscription that showSubscription shows.
const behind = 3

// showSubscription makes Prometheus scrape a process that shows a subscription, because the billing
// service has none. It returns the number of dead letters that is shown, which the test may raise.
func showSubscription(t *testing.T, s *stack) *atomic.Int64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry, prom.Config{})
	require.NoError(t, err)
	letters := new(atomic.Int64)
	require.NoError(t, metrics.Subscription("test-handler", "Account", func() subscription.Stats {
		return subscription.Stats{Lag: behind, Partitions: 1, DeadLettered: letters.Load()}
	}))
	page := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(page.Close)
	file, err := os.OpenFile(filepath.Join(s.dir, "prometheus", "targets", "prometheus.yml"), os.O_APPEND|os.O_WRONLY,
		0)
	require.NoError(t, err)
	_, err = fmt.Fprintf(file, "- targets: [%q]\n", page.Listener.Addr())
	require.NoError(t, errors.Join(err, file.Close()))
	return letters
}

// fragile creates a topic of one partition on the given brokers. The topic takes no writes unless
// two replicas are in sync.
func fragile(t *testing.T, client *kgo.Client, name string, replicas ...int32) {
	t.Helper()
	request := newTopicRequest(name, replicas)
	response, err := request.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.Len(t, response.Topics, 1)
	require.Zero(t, response.Topics[0].ErrorCode, response.Topics[0].ErrorMessage)
}

func newTopicRequest(name string, replicas []int32) *kmsg.CreateTopicsRequest {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	topic.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Partition: 0, Replicas: replicas}}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = []kmsg.CreateTopicsRequestTopic{topic}
	request.TimeoutMillis = 10_000
	return request
}
