package doctor_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
)

// pretend makes the brokers give answers about themselves and about the requested topics. change
// may change each answer.
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
	c, cfg := storetest.Fake(t)
	cfg.Topics.Categories[0].Partitions = 4
	pretend(t, c, 4, func(r *kmsg.MetadataResponse) {
		for i := range r.Topics {
			p := r.Topics[i].Partitions
			p[0].Leader, p[0].ISR, p[0].ErrorCode = -1, nil, kerr.LeaderNotAvailable.Code
			p[1].ISR = p[1].ISR[:1]
			p[2].ISR = p[2].ISR[:2]
		}
	})
	all := doctor.Diagnose(t.Context(), cfg)
	const both = "(" + storetest.Topic + " %[1]s; fencelog.dead-letter %[1]s)"
	where := func(partitions string) string { return fmt.Sprintf(both, partitions) }
	require.Contains(t, finding(t, all, "topics", doctor.Wrong,
		"2 partitions have no leader that answers: nothing can be read or appended there "+where("0")).Do,
		"wait for brokers 0, 1 and 2")
	require.Contains(t, finding(t, all, "topics", doctor.Wrong,
		"2 partitions have 1 replicas in sync that answer, expected 2 or more: appends wait "+where("1")).Do,
		"wait for brokers 1 and 2")
	require.Contains(t, finding(t, all, "topics", doctor.Warning,
		"2 partitions have not all replicas in sync: those on broker 2 lack "+where("2")).Do,
		"wait for broker 2 after a start")
	finding(t, all, "topics", doctor.OK, "topic "+storetest.Topic+" has the settings that it must have")
	for _, f := range all {
		require.NotContains(t, f.Found, storetest.Topic+" is as it must be")
	}
}

// Brokers may be of different opinions. The broker that has heard of the newest leader is right. An
// answer is old if its broker has heard nothing for a while.
func TestDiagnoseBelievesTheNewestLeader(t *testing.T) {
	c, cfg := storetest.Fake(t)
	cfg.Topics.Categories[0].Partitions = 4
	asked := new(atomic.Int64)
	pretend(t, c, 4, func(r *kmsg.MetadataResponse) {
		if asked.Add(1)%2 == 0 {
			return // of epoch 0
		}
		for i := range r.Topics {
			for n := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[n]
				p.LeaderEpoch, p.ISR = 7, p.ISR[:1]
			}
		}
	})
	finding(t, doctor.Diagnose(t.Context(), cfg), "topics", doctor.Wrong,
		"8 partitions have 1 replicas in sync that answer")
}

// KAFKA_BROKERS may name brokers of two clusters, or brokers that do not name each other.
func TestDiagnoseBrokersThatAreNotOfOneCluster(t *testing.T) {
	_, cfg := storetest.Fake(t, kfake.ClusterID("one"))
	_, other := storetest.Fake(t, kfake.ClusterID("two"))
	cfg.Connection.Brokers = append(cfg.Connection.Brokers[:1:1], other.Connection.Brokers[0])
	all := doctor.Diagnose(t.Context(), cfg)
	require.Contains(t, finding(t, all, "cluster", doctor.Wrong, "the brokers are of different clusters").Do,
		"brokers of one cluster")

	c, cfg := storetest.Fake(t)
	asked := new(atomic.Int64)
	pretend(t, c, 1, func(r *kmsg.MetadataResponse) {
		if asked.Add(1)%2 == 0 {
			r.Brokers = r.Brokers[:1]
		}
	})
	require.Contains(t, finding(t, doctor.Diagnose(t.Context(), cfg), "cluster", doctor.Warning,
		"the brokers do not name the same brokers").Do, "names the fewest")
}

// A broker may tell clients an address that this machine does not reach.
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
			c, cfg := storetest.Fake(t)
			pretend(t, c, 1, func(r *kmsg.MetadataResponse) {
				r.Brokers[2].Host, r.Brokers[2].Port = wrong.host, wrong.port
			})
			cfg.Connection.Brokers = cfg.Connection.Brokers[:1]
			all := doctor.Diagnose(t.Context(), cfg)
			finding(t, all, "brokers", doctor.OK, cfg.Connection.Brokers[0]+" answers")
			finding(t, all, "brokers", doctor.OK, "broker 1, which the cluster says is at ")
			found := finding(t, all, "brokers", doctor.Wrong, "broker 2, which the cluster says is at "+wrong.host+":")
			require.Contains(t, found.Found, wrong.found)
			require.Contains(t, found.Do, "advertised.listeners of broker 2")
		})
	}
}

// byAnotherName changes the addresses of the configuration, not those that the brokers tell.
func byAnotherName(cfg kafka.Config) kafka.Config {
	cfg.Connection.Brokers = slices.Clone(cfg.Connection.Brokers)
	for i, addr := range cfg.Connection.Brokers {
		cfg.Connection.Brokers[i] = strings.Replace(addr, "127.0.0.1", "localhost", 1)
	}
	return cfg
}

// If a broker is reached at another address than it tells clients, it is still one broker.
func TestDiagnoseCountsABrokerOnce(t *testing.T) {
	c, cfg := storetest.Fake(t)
	c.ControlKey(int16(kmsg.DescribeLogDirs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response := r.ResponseKind().(*kmsg.DescribeLogDirsResponse)
		dir := kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir = "/data"
		response.Dirs = append(response.Dirs, dir)
		return response, nil, true
	})
	for _, cfg := range []kafka.Config{cfg, byAnotherName(cfg)} {
		all := doctor.Diagnose(t.Context(), cfg)
		for _, addr := range cfg.Connection.Brokers {
			finding(t, all, "brokers", doctor.OK, "broker at "+addr+" answers")
		}
		finding(t, all, "cluster", doctor.OK, ", 3 brokers of ")
		finding(t, all, "cluster", doctor.OK, "3 folders of logs, ")
	}
	// A broker that answers here only is not left out.
	pretend(t, c, 1, func(r *kmsg.MetadataResponse) { r.Brokers[2].Port = 1 })
	cfg.Connection.Brokers = cfg.Connection.Brokers[2:]
	finding(t, doctor.Diagnose(t.Context(), cfg), "cluster", doctor.OK, "3 folders of logs, ")
}

func TestDiagnoseBrokersThatAreTooOld(t *testing.T) {
	same := func(cfg kafka.Config) kafka.Config { return cfg }
	for _, change := range []func(kafka.Config) kafka.Config{same, byAnotherName} {
		diagnoseBrokersThatAreTooOld(t, change)
	}
}

// speaks makes the brokers say that they know these requests up to these versions.
func speaks(c *kfake.Cluster, most map[int16]int16) {
	c.ControlKey(int16(kmsg.ApiVersions), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response := r.ResponseKind().(*kmsg.ApiVersionsResponse)
		for key, version := range most {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, version
			response.ApiKeys = append(response.ApiKeys, k)
		}
		return response, nil, true
	})
}

func diagnoseBrokersThatAreTooOld(t *testing.T, change func(kafka.Config) kafka.Config) {
	t.Helper()
	c, cfg := storetest.Fake(t)
	cfg = change(cfg)
	// 26, EndTxn, is not there at all
	speaks(c, map[int16]int16{0: 8, 1: 11, 3: 10, 22: 4, 24: 1, 32: 2})
	all := doctor.Diagnose(t.Context(), cfg)
	require.Equal(t, "run Kafka 2.8 or later", finding(t, all, "cluster", doctor.Wrong,
		"brokers 0, 1 and 2 are too old: they lack AddPartitionsToTxn version 2, EndTxn version 2").Do)
	for _, f := range all {
		require.NotContains(t, f.Found, "lacks Fetch")
		require.False(t, f.Check == "cluster" && f.Verdict == doctor.OK, f)
	}
}

// Diagnose tells what the brokers answered, and not the worst that it may mean.
func TestDiagnoseWhoLeadsTheControllers(t *testing.T) {
	c, cfg := storetest.Fake(t)
	speaks(c, map[int16]int16{0: 8, 1: 11, 3: 10, 22: 4, 24: 2, 26: 2, 32: 2, 55: 1})
	var mu sync.Mutex
	var answer func(*kmsg.DescribeQuorumResponseTopicPartition) (int16, error)
	c.ControlKey(int16(kmsg.DescribeQuorum), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		response := r.ResponseKind().(*kmsg.DescribeQuorumResponse)
		topic, p := kmsg.NewDescribeQuorumResponseTopic(), kmsg.NewDescribeQuorumResponseTopicPartition()
		code, err := answer(&p)
		response.ErrorCode = code
		topic.Topic, topic.Partitions = "__cluster_metadata", append(topic.Partitions, p)
		response.Topics = append(response.Topics, topic)
		return response, err, true
	})
	voters := func(p *kmsg.DescribeQuorumResponseTopicPartition, followed ...int64) {
		p.LeaderID = 1
		for i, at := range followed {
			v := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
			v.ReplicaID, v.LastFetchTimestamp = int32(i)+7, at
			p.CurrentVoters = append(p.CurrentVoters, v)
		}
	}
	type partition = kmsg.DescribeQuorumResponseTopicPartition
	for _, row := range []struct {
		name    string
		answer  func(*partition) (int16, error)
		verdict doctor.Verdict
		found   string
		do      string
	}{
		{
			"not the controller", func(*partition) (int16, error) { return kerr.NotController.Code, nil },
			doctor.Wrong, "no controller leads: ", "start controllers",
		},
		{
			"the partition has no leader",
			func(p *partition) (int16, error) { p.ErrorCode = kerr.LeaderNotAvailable.Code; return 0, nil },
			doctor.Wrong, "no controller leads: ", "start controllers",
		},
		{
			"nobody", func(p *partition) (int16, error) { p.LeaderID = -1; return 0, nil },
			doctor.Wrong, "no controller leads: ", "start controllers",
		},
		{
			"not in time", func(*partition) (int16, error) { return kerr.RequestTimedOut.Code, nil },
			doctor.Wrong, "which controller leads, so probably none does: ", "start controllers",
		},
		{
			"another failure", func(*partition) (int16, error) { return kerr.UnknownServerError.Code, nil },
			doctor.Skipped,
			"not looked at: who leads the controllers: kafka server: Unexpected (unknown?) server error", "",
		},
		{
			"a connection that breaks", func(*partition) (int16, error) { return 0, errors.New("broken") },
			doctor.Skipped, "not looked at: who leads the controllers: request 55 of version 1 to broker ", "",
		},
		{
			"no permission", func(*partition) (int16, error) { return kerr.ClusterAuthorizationFailed.Code, nil },
			doctor.Skipped, "not looked at: who leads the controllers, as there is no permission", "",
		},
		{
			"all follow", func(p *partition) (int16, error) { voters(p, 99_000, 99_500, 100_000); return 0, nil },
			doctor.OK, "controller 1 leads, and all 3 controllers follow", "",
		},
		{
			"one does not", func(p *partition) (int16, error) { voters(p, 99_000, 1, 100_000); return 0, nil },
			doctor.Warning, "controller 1 leads, and controller 8, of 3 in all, does not follow",
			"start controller 8, or look into its log",
		},
		{
			"two do not", func(p *partition) (int16, error) { voters(p, 1, 1, 100_000); return 0, nil },
			doctor.Warning, "controller 1 leads, and controllers 7 and 8, of 3 in all, do not follow",
			"start controllers 7 and 8, or look into their logs",
		},
	} {
		mu.Lock()
		answer = row.answer
		mu.Unlock()
		all := doctor.Diagnose(t.Context(), cfg)
		require.Contains(t, finding(t, all, "cluster", row.verdict, row.found).Do, row.do, row.name)
		if row.verdict != doctor.Wrong {
			require.NotContains(t, fmt.Sprint(all), "no controller leads", row.name)
		}
	}
}

// A broker whose disk has little room is named, with its folder. The brokers' disk is faked, as no
// machine that runs the tests has a full one at hand.
func TestDiagnoseWhatTheDisksHave(t *testing.T) {
	const gigabyte, areFree = 1 << 30, " are free on the disk of folder /var/kafka"
	var free, total atomic.Int64
	c, cfg := storetest.Fake(t)
	speaks(c, map[int16]int16{0: 8, 1: 11, 3: 10, 22: 4, 24: 2, 26: 2, 32: 2, 35: 4})
	c.ControlKey(int16(kmsg.DescribeLogDirs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response, dir := r.ResponseKind().(*kmsg.DescribeLogDirsResponse), kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir, dir.UsableBytes, dir.TotalBytes = "/var/kafka", free.Load(), total.Load()
		response.Dirs = append(response.Dirs, dir)
		return response, nil, true
	})
	for _, row := range []struct {
		free, total int64
		verdict     doctor.Verdict
		found       string
	}{
		{0, -1, doctor.OK, "have room"}, // not told
		{10 * gigabyte, 100 * gigabyte, doctor.OK, "have room"},
		{5 * gigabyte, 100 * gigabyte, doctor.OK, "have room"},
		{5*gigabyte - 1, 100 * gigabyte, doctor.Warning, "5119 MB of 102400 MB" + areFree},
		{gigabyte, 2 * gigabyte, doctor.OK, "have room"},
		{gigabyte - 1, 2 * gigabyte, doctor.Warning, "1023 MB of 2048 MB" + areFree},
		{0, 2 * gigabyte, doctor.Warning, "0 MB of 2048 MB" + areFree},
	} {
		free.Store(row.free)
		total.Store(row.total)
		f := finding(t, doctor.Diagnose(t.Context(), cfg), "cluster", row.verdict, row.found)
		require.Equal(t, row.verdict == doctor.Warning, strings.Contains(f.Do, "make room"), f)
	}
}
