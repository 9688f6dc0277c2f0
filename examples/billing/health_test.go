package main

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

func TestUnready(t *testing.T) {
	t.Parallel()
	const self, other = "billing-1:3001", "billing-2:3001"
	for _, c := range []struct {
		name   string
		status kafka.PartitionStatus
		wrong  string // empty: it is ready
	}{
		{"owned, alone", kafka.PartitionStatus{Owned: true}, ""},
		{"owned, shared", kafka.PartitionStatus{Owned: true, Owner: self}, ""},
		{"owned until another is told", kafka.PartitionStatus{Owned: true, Owner: other}, ""},
		{"another's", kafka.PartitionStatus{Owner: other, Lag: maxLag}, ""},
		{
			"another's, and far behind",
			kafka.PartitionStatus{Owner: other, Lag: maxLag + 1},
			"10001 records behind its owner, billing-2:3001",
		},
		{"nobody's", kafka.PartitionStatus{}, "who owns it is not known"},
		{"assigned and not claimed", kafka.PartitionStatus{Owner: self}, "has not claimed it"},
		{
			"unreadable",
			kafka.PartitionStatus{Owned: true, Owner: self, Err: errors.New("a gap")},
			"not followed for now: a gap",
		},
		{
			"unreadable for good",
			kafka.PartitionStatus{Owned: true, Owner: self, Ended: true, Err: errors.New("a gap")},
			"must be started again",
		},
		{
			"taken",
			kafka.PartitionStatus{NotOwned: errors.New("another process has it")},
			"not known: another process has it",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.status.Topic, c.status.Partition = "billing.account.events", 3
			wrong := unready([]kafka.PartitionStatus{{Owned: true}, c.status}, self)
			if c.wrong == "" {
				require.Empty(t, wrong)
				return
			}
			require.Len(t, wrong, 1)
			require.Contains(t, wrong[0], "billing.account.events partition 3 ")
			require.Contains(t, wrong[0], c.wrong)
		})
	}
}

// If another process has taken the partition of an instance, the instance refuses commands. It is
// not ready until it has claimed the partition again.
func TestNotReadyWhileTheOwnPartitionIsTaken(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	env := onFake(t, cluster.ListenAddrs())
	shared := map[string]string{advertiseVariable: "billing-1:3001"}
	for name, value := range env {
		shared[name] = value
	}
	c, s := launch(t, shared, withoutRegistryServer)
	<-s.ready
	ready := func() int { return c.do(http.MethodGet, "/readyz", "").status }
	require.Equal(t, http.StatusOK, ready())
	c.open("alice")

	cfg, err := billing.KafkaFromEnv(getenvOf(env))
	require.NoError(t, err)
	claims := make(chan func(), 1)
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		// Amid a batch: an idle owner would notice by itself, and might claim again too early.
		cluster.SleepControl(func() {
			thief, err := kafka.Open(t.Context(), cfg)
			if err == nil {
				t.Cleanup(func() { _ = thief.Close() })
				err = thief.Claim(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
			claims <- refuseClaims(cluster)
		})
		return nil, nil, false
	})

	r := c.post(accountsPath+"/alice/credits", "topup", postBody("topup", "1.00"))
	require.Equal(t, http.StatusServiceUnavailable, r.status, r.text)
	require.Equal(t, "NotOwner", r.code(t))
	require.Eventually(t, func() bool {
		return ready() == http.StatusServiceUnavailable
	}, time.Minute, 10*time.Millisecond)
	require.Contains(t, c.do(http.MethodGet, "/readyz", "").text, "has not claimed it, or has lost it")

	(<-claims)()
	require.Eventually(t, func() bool { return ready() == http.StatusOK }, time.Minute, 10*time.Millisecond)
	require.Equal(t, http.StatusCreated,
		c.post(accountsPath+"/alice/credits", "topup", postBody("topup", "1.00")).status)
}

// A second writer takes the partition of a service that shares nothing. The service says so and
// lives on. It serves again when the other one is gone.
func TestLiveWhileTheOwnPartitionIsTaken(t *testing.T) {
	t.Parallel()
	env := onFake(t, kafkatest.Fake(t))
	c, s := launch(t, env, withoutRegistryServer, func(s *server) { s.settings.quietTime = 5 * time.Second })
	<-s.ready
	c.open("alice")
	require.JSONEq(t, `{"status":"ok","events":"`+s.serving.Load().backend.name+`"}`,
		c.do(http.MethodGet, "/livez", "").text)

	cfg, err := billing.KafkaFromEnv(getenvOf(env))
	require.NoError(t, err)
	cfg.Logger = slog.New(slog.DiscardHandler)
	thief, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	require.NoError(t, thief.Claim(t.Context()))
	const says = "claims it again when the log has shown nothing of the other for"
	for _, path := range []string{"/readyz", "/livez"} {
		require.Eventually(t, func() bool {
			return strings.Contains(c.do(http.MethodGet, path, "").text, says)
		}, time.Minute, time.Millisecond)
		require.Equal(t, http.StatusOK, c.do(http.MethodGet, "/livez", "").status)
	}
	require.NoError(t, thief.Close())
	require.Eventually(t, func() bool {
		return c.do(http.MethodGet, "/readyz", "").status == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, http.StatusCreated,
		c.post(accountsPath+"/alice/credits", "topup", postBody("topup", "1.00")).status)
	require.NotContains(t, c.do(http.MethodGet, "/livez", "").text, says)
}

func TestNotLiveOnceAPartitionHasEnded(t *testing.T) {
	t.Parallel()
	require.False(t, ended([]kafka.PartitionStatus{{}, {Err: errors.New("refused for now")}}))
	require.True(t, ended([]kafka.PartitionStatus{{}, {Ended: true}}))
}

// Both probes name topics whose settings were changed. That is no reason to take the instance away.
func TestProbesTellOfTopics(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	env := onFake(t, cluster.ListenAddrs())
	c, s := launch(t, env, withoutRegistryServer, func(s *server) { s.settings.checkEvery = 10 * time.Millisecond })
	<-s.ready
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	defer client.Close()
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	topic := kmsg.NewIncrementalAlterConfigsRequestResource()
	topic.ResourceType, topic.ResourceName = kmsg.ConfigResourceTypeTopic, "billing.account.events"
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	compact := "compact"
	setting.Name, setting.Value = "cleanup.policy", &compact
	topic.Configs = append(topic.Configs, setting)
	r.Resources = append(r.Resources, topic)
	_, err = r.RequestWith(t.Context(), client)
	require.NoError(t, err)
	for _, path := range []string{"/livez", "/readyz"} {
		require.Eventually(t, func() bool {
			return strings.Contains(c.do(http.MethodGet, path, "").text, "cleanup.policy is compact, expected delete")
		}, time.Minute, 5*time.Millisecond)
		require.Equal(t, http.StatusOK, c.do(http.MethodGet, path, "").status)
	}
	require.Equal(t, []string{"the topics could not be looked at since 0001-01-01T00:00:00Z: away"},
		unhealthy(topics.Health{Err: errors.New("away")}))
}

// refuseClaims makes the brokers refuse every claim until release is called.
func refuseClaims(cluster *kfake.Cluster) (release func()) {
	released := make(chan struct{})
	cluster.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
		select {
		case <-released:
			return nil, nil, false
		default:
		}
		cluster.KeepControl()
		response := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		response.ErrorCode = kerr.CoordinatorLoadInProgress.Code
		return response, nil, true
	})
	return func() { close(released) }
}
