package kafka_test

import (
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
)

// pretend has the brokers say of themselves and of the topics that are asked for what they would say, changed.
func pretend(t *testing.T, c *kfake.Cluster, partitions int32, change func(*kmsg.MetadataResponse)) {
	t.Helper()
	addrs := c.ListenAddrs()
	c.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response := r.ResponseKind().(*kmsg.MetadataResponse)
		var all []int32
		for i, addr := range addrs {
			b := kmsg.NewMetadataResponseBroker()
			host, port, _ := net.SplitHostPort(addr)
			number, _ := strconv.Atoi(port)
			b.NodeID, b.Host, b.Port = int32(i), host, int32(number)
			response.Brokers = append(response.Brokers, b)
			all = append(all, b.NodeID)
		}
		id := "a-cluster"
		response.ClusterID = &id
		for _, asked := range r.(*kmsg.MetadataRequest).Topics {
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic = asked.Topic
			for n := range partitions {
				p := kmsg.NewMetadataResponseTopicPartition()
				p.Partition, p.Leader, p.Replicas, p.ISR = n, all[0], all, slices.Clone(all)
				topic.Partitions = append(topic.Partitions, p)
			}
			response.Topics = append(response.Topics, topic)
		}
		change(response)
		return response, nil, true
	})
}

func TestDiagnoseReplicas(t *testing.T) {
	c, cfg := fake(t)
	cfg.Categories[0].Partitions = 4
	pretend(t, c, 4, func(r *kmsg.MetadataResponse) {
		for i := range r.Topics {
			p := r.Topics[i].Partitions
			p[0].Leader, p[0].ISR, p[0].ErrorCode = -1, nil, kerr.LeaderNotAvailable.Code
			p[1].ISR = p[1].ISR[:1]
			p[2].ISR = p[2].ISR[:2]
		}
	})
	all := kafka.Diagnose(t.Context(), cfg)
	of := "topic " + topic + " partition "
	require.Contains(t, finding(t, all, "topics", kafka.VerdictWrong, of+"0 has no leader: nothing can be read or appended").Do, "start the brokers")
	require.Contains(t, finding(t, all, "topics", kafka.VerdictWrong, of+"1 has 1 replicas in sync, expected 2 or more: appends wait").Do, "start the brokers")
	require.Contains(t, finding(t, all, "topics", kafka.VerdictWarning, of+"2 has 2 of 3 replicas in sync").Do, "just started")
	for _, f := range all {
		require.NotContains(t, f.Found, of+"3 has")
		require.NotContains(t, f.Found, topic+" is as it must be")
	}
}

// The address that a broker tells clients to come back to may be one that this machine does not reach.
func TestDiagnoseAnAdvertisedListenerThatIsNotReached(t *testing.T) {
	for _, wrong := range []struct {
		host  string
		port  int32
		found string
	}{
		{"127.0.0.1", 1, "nothing listens there"},
		{"kafka-3.invalid", 9092, "the name kafka-3.invalid is not known"},
	} {
		t.Run(wrong.host, func(t *testing.T) {
			c, cfg := fake(t)
			pretend(t, c, 1, func(r *kmsg.MetadataResponse) { r.Brokers[2].Host, r.Brokers[2].Port = wrong.host, wrong.port })
			cfg.Brokers = cfg.Brokers[:1]
			all := kafka.Diagnose(t.Context(), cfg)
			finding(t, all, "brokers", kafka.VerdictOK, cfg.Brokers[0]+" answers")
			finding(t, all, "brokers", kafka.VerdictOK, "broker 1, which the cluster says is at ")
			found := finding(t, all, "brokers", kafka.VerdictWrong, "broker 2, which the cluster says is at "+wrong.host+":")
			require.Contains(t, found.Found, wrong.found)
			require.Contains(t, found.Do, "advertised.listeners of broker 2")
		})
	}
}

func TestDiagnoseBrokersThatAreTooOld(t *testing.T) {
	c, cfg := fake(t)
	c.ControlKey(int16(kmsg.ApiVersions), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response := r.ResponseKind().(*kmsg.ApiVersionsResponse)
		for key, most := range map[int16]int16{0: 8, 1: 11, 3: 10, 22: 4, 24: 1, 32: 2} { // 26, EndTxn, is not there at all
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, most
			response.ApiKeys = append(response.ApiKeys, k)
		}
		return response, nil, true
	})
	all := kafka.Diagnose(t.Context(), cfg)
	for _, lack := range []string{"AddPartitionsToTxn version 2", "EndTxn version 2"} {
		require.Equal(t, "run Kafka 2.8 or later", finding(t, all, "cluster", kafka.VerdictWrong, "broker 0 is too old: it lacks "+lack).Do)
	}
	for _, f := range all {
		require.NotContains(t, f.Found, "lacks Fetch")
		require.False(t, f.Check == "cluster" && f.Verdict == kafka.VerdictOK, f)
	}
}
