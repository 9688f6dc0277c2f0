package doctor_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// finding returns the one finding of a check and verdict whose text contains the given words.
func finding(t *testing.T, all []doctor.Finding, check string, v doctor.Verdict, words string) doctor.Finding {
	t.Helper()
	for _, f := range all {
		if f.Check == check && f.Verdict == v && strings.Contains(f.Found, words) {
			return f
		}
	}
	require.Failf(t, "not found", "%s %s %q in %+v", check, v, words, all)
	return doctor.Finding{}
}

func requireHealthy(t *testing.T, all []doctor.Finding) {
	t.Helper()
	for _, f := range all {
		if ofThisDisk(f) {
			continue
		}
		require.NotEqual(t, doctor.Wrong, f.Verdict, f)
		require.NotEqual(t, doctor.Warning, f.Verdict, f)
	}
}

// ofThisDisk tells whether the finding is that little is free on the disk that these tests run on.
func ofThisDisk(f doctor.Finding) bool {
	return f.Verdict == doctor.Warning && strings.Contains(f.Found, "are free on the disk of folder")
}

func TestDiagnoseWhatIsWell(t *testing.T) {
	_, cfg := storetest.Fake(t)
	cfg.IndexDir = filepath.Join(t.TempDir(), "new")
	all := doctor.Diagnose(t.Context(), cfg)
	requireHealthy(t, all)
	for _, addr := range cfg.Connection.Brokers {
		finding(t, all, "brokers", doctor.OK, addr+" answers")
	}
	finding(t, all, "topics", doctor.OK, "topic fencelog.account.events is as it must be")
	finding(t, all, "index", doctor.OK, "has no index yet")
	finding(t, all, "clock", doctor.Skipped, "no record yet")
	require.NoDirExists(t, cfg.IndexDir, "nothing is changed")

	s := storetest.Open(t, cfg)
	_, err := s.Append(t.Context(),
		eventstore.To(storetest.Stream("a"), eventstore.NoStream, storetest.Records(1, "")...))
	require.NoError(t, err)
	all = doctor.Diagnose(t.Context(), cfg)
	require.Contains(t, finding(t, all, "index", doctor.Warning, "in use by another process").Do, "folder of its own")
	finding(t, all, "clock", doctor.OK, "no record is ahead")
	_, err = s.Append(t.Context(), eventstore.To(storetest.Stream("a"), 1, storetest.Records(1, "")...))
	require.NoError(t, err, "the owner stays the owner")

	require.NoError(t, s.Close())
	all = doctor.Diagnose(t.Context(), cfg)
	finding(t, all, "index", doctor.OK, "has the index of this cluster")
	finding(t, all, "index", doctor.OK, "are free on its disk")
	requireHealthy(t, all)
}

func TestDiagnoseBrokersThatDoNotAnswer(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler()) // this has taken the broker's port
	defer web.Close()
	mail, err := net.Listen("tcp", "127.0.0.1:0") // this, too
	require.NoError(t, err)
	defer mail.Close()
	go func() {
		for {
			c, err := mail.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
			_ = c.Close()
		}
	}()
	for _, c := range []struct{ addr, found, do string }{
		{"127.0.0.1:1", "nothing listens there", "(lsof -i :1)"},
		{web.Listener.Addr().String(), "does not answer as a broker does", "another one may have taken the port"},
		{mail.Addr().String(), "is not a Kafka broker", "which program has taken the port"},
		{"nowhere.invalid:9092", "the name nowhere.invalid is not known", "check the name in KAFKA_BROKERS"},
	} {
		all := doctor.Diagnose(t.Context(), kafka.Config{
			Connection: connection.Config{Brokers: []string{c.addr}},
			Topics:     topics.Config{Categories: []topics.Category{{Name: storetest.Category}}},
		})
		require.Contains(t, finding(t, all, "brokers", doctor.Wrong, c.found).Do, c.do)
		finding(t, all, "topics", doctor.Skipped, "no broker answers")
	}
}

func TestDiagnoseOneBrokerOfSeveral(t *testing.T) {
	_, cfg := storetest.Fake(t)
	cfg.Connection.Brokers = []string{"127.0.0.1:1", cfg.Connection.Brokers[0]}
	all := doctor.Diagnose(t.Context(), cfg)
	finding(t, all, "brokers", doctor.Wrong, "127.0.0.1:1: nothing listens there")
	finding(t, all, "brokers", doctor.OK, cfg.Connection.Brokers[1]+" answers")
	finding(t, all, "brokers", doctor.OK, "broker 1, which the cluster says is at")
	finding(t, all, "topics", doctor.OK, "is as it must be")
}

func TestDiagnoseTopics(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.ListenAddrs()},
		Topics: topics.Config{
			Categories: []topics.Category{{Name: storetest.Category, Partitions: 2}, {Name: "Transfer"}},
		},
		Logger: storetest.Quiet(),
	}
	admin, err := sarama.NewClusterAdmin(cfg.Connection.Brokers, sarama.NewConfig())
	require.NoError(t, err)
	defer admin.Close()
	week := "604800000"
	require.NoError(t, admin.CreateTopic(storetest.Topic, &sarama.TopicDetail{
		NumPartitions: 1, ReplicationFactor: 3, ConfigEntries: map[string]*string{"retention.ms": &week},
	}, false))
	all := doctor.Diagnose(t.Context(), cfg)
	require.Contains(t, finding(t, all, "topics", doctor.Wrong, "partitions is 1, expected 2").Do,
		"configure the number")
	require.Contains(t, finding(t, all, "topics", doctor.Wrong, "retention.ms is 604800000, expected -1").Do,
		"kafka-configs.sh")
	require.Contains(t, finding(t, all, "topics", doctor.Wrong,
		"topics fencelog.transfer.events and fencelog.dead-letter are missing").Do, "fencelog topics create")
	finding(t, all, "index", doctor.OK, "in memory")
	finding(t, all, "clock", doctor.Skipped, "topics are missing")

	all = doctor.Diagnose(t.Context(), kafka.Config{})
	finding(t, all, "configuration", doctor.Wrong, "Brokers is empty")
}

func TestDiagnoseAnIndexOfAnotherCluster(t *testing.T) {
	dir := t.TempDir()
	_, cfg := storetest.Fake(t, kfake.ClusterID("one"))
	cfg.IndexDir = dir
	require.NoError(t, storetest.Open(t, cfg).Close())
	_, other := storetest.Fake(t, kfake.ClusterID("two"))
	other.IndexDir = dir
	all := doctor.Diagnose(t.Context(), other)
	require.Contains(t, finding(t, all, "index", doctor.Wrong,
		"the index of cluster one, and the brokers are of cluster two").Do, "delete it")

	other.IndexDir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other.IndexDir, "letter"), []byte("dear"), 0o600))
	all = doctor.Diagnose(t.Context(), other)
	finding(t, all, "index", doctor.Wrong, "it is no index")
}

func TestDiagnoseAClockThatIsBehind(t *testing.T) {
	_, cfg := storetest.Fake(t)
	ahead := storetest.Garbage(cfg) // no store can write it, as its events are never ahead of the store's clock
	ahead.Timestamp = time.Now().Add(time.Hour)
	require.NoError(t, storetest.Foreigner(t, cfg).ProduceSync(t.Context(), ahead).FirstErr())
	all := doctor.Diagnose(t.Context(), cfg)
	require.Contains(t, finding(t, all, "clock", doctor.Warning, "ahead of this machine's clock").Do, "NTP")
}

func TestDiagnoseEndsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	all := doctor.Diagnose(ctx, kafka.Config{
		Connection: connection.Config{Brokers: []string{silent.Addr().String()}, RequestTimeout: 14 * time.Minute},
		Topics:     topics.Config{Categories: []topics.Category{{Name: storetest.Category}}},
	})
	require.Less(t, time.Since(begun), time.Minute)
	require.NotEmpty(t, all)
}
