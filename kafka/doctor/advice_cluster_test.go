//go:build cluster

package doctor_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// patient is a cluster whose operator does what Diagnose says.
type patient struct {
	*kafkatest.Cluster

	desk string // the folder in which commands run
}

const (
	admin    = "admin" // may do everything
	newcomer = "newcomer"
)

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{desk: t.TempDir(), Cluster: kafkatest.ForTest(t, kafkatest.Config{
		Security: &kafkatest.Security{
			Users: map[string]string{admin: "open-Sesame-1", newcomer: "open-Sesame-2"},
			ACLs:  true,
		},
		Properties: map[string]string{
			"super.users":               "User:ANONYMOUS;User:" + admin,
			"broker.session.timeout.ms": "3000",
		},
	})}
	require.NoError(t, p.WriteScripts(p.desk))
	env := p.Environment(kafkatest.SASLSSL, admin)
	properties := fmt.Sprintf(`security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";
ssl.truststore.type=PEM
ssl.truststore.location=%s
`, admin, env[environment.SASLPassword], env[environment.CA])
	require.NoError(t, os.WriteFile(filepath.Join(p.desk, "admin.properties"), []byte(properties), 0o600))
	return p
}

// config is the configuration of a service that connects as the user. No other service has its
// topics.
func (p *patient) config(t *testing.T, user, prefix string) kafka.Config {
	t.Helper()
	env := p.Environment(kafkatest.SASLSSL, user)
	cfg, err := environment.Read(func(name string) string { return env[name] },
		topics.Category{Name: storetest.Category, Partitions: 4}, topics.Category{Name: "Transfer", Partitions: 3})
	require.NoError(t, err)
	cfg.Topics.Prefix, cfg.Logger = prefix, storetest.Quiet()
	return cfg
}

// off returns the findings that are wrong or warnings, without those of a full disk.
func off(all []doctor.Finding) []doctor.Finding {
	var found []doctor.Finding
	for _, f := range all {
		if (f.Verdict == doctor.Wrong || f.Verdict == doctor.Warning) && !ofThisDisk(f) {
			found = append(found, f)
		}
	}
	return found
}

// diagnosed waits until the diagnosis is as it should be, because brokers hear of changes after
// some time.
func diagnosed(t *testing.T, cfg kafka.Config, done func([]doctor.Finding) bool) []doctor.Finding {
	t.Helper()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(kafkatest.DefaultStartTimeout); ; <-again.C {
		all := doctor.Diagnose(t.Context(), cfg)
		if done(all) {
			return all
		}
		if time.Now().After(end) {
			require.Failf(t, "no such diagnosis", "%+v", all)
		}
	}
}

func healthy(all []doctor.Finding) bool { return len(off(all)) == 0 }

// says reports whether exactly n things are off, and whether their findings have all the words.
func says(n int, words ...string) func([]doctor.Finding) bool {
	return func(all []doctor.Finding) bool {
		text := fmt.Sprint(off(all))
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return len(off(all)) == n
	}
}

// follow runs the commands of a finding's advice: all lines of it except the first.
func (p *patient) follow(t *testing.T, f doctor.Finding) {
	t.Helper()
	_, commands, ok := strings.Cut(f.Do, "\n")
	require.True(t, ok, "%+v", f)
	cmd := exec.Command("/bin/sh", "-e")
	cmd.Dir, cmd.Env = p.desk, append(os.Environ(), "PATH="+p.desk+":"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(commands)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", commands, output)
	t.Logf("%s\n%s\n%s", f.Found, commands, output)
}

// Diagnose makes one finding of one cause. The test does what the finding says, and runs its
// commands word for word. Then the finding is gone.
func TestWhatDiagnoseAdvisesHelps(t *testing.T) {
	p := newPatient(t)
	t.Run("missing topics", func(t *testing.T) {
		cfg := p.config(t, admin, "missing")
		all := diagnosed(t, cfg, says(1))
		require.Contains(t, finding(t, all, "topics", doctor.Wrong,
			"topics missing.account.events, missing.transfer.events and missing.dead-letter are missing").Do,
			"topics.Create")
		kafkatest.Topics(t, cfg)
		diagnosed(t, cfg, healthy)
	})
	t.Run("settings and replicas", func(t *testing.T) {
		cfg := p.config(t, admin, "off")
		p.makeTopics(t, cfg, map[string]string{
			"retention.ms": "604800000", "cleanup.policy": "compact", "min.insync.replicas": "1",
			"unclean.leader.election.enable": "true", "max.message.bytes": "1000", "compression.type": "gzip",
			"message.timestamp.type": "LogAppendTime", "retention.bytes": "1000",
		})
		all := diagnosed(t, cfg, says(2, "; min.insync.replicas is 1, expected 2; ", "replication factor is 1, "+
			"expected 3"))
		for _, f := range off(all) {
			require.Contains(t, f.Found, "topics off.account.events, off.transfer.events and off.dead-letter: ")
			p.follow(t, f)
		}
		diagnosed(t, cfg, healthy)
	})
	t.Run("other partitions", func(t *testing.T) {
		cfg := p.config(t, admin, "few")
		kafkatest.Topics(t, cfg)
		cfg.Topics.Categories[0].Partitions = 6
		all := diagnosed(t, cfg, says(1))
		require.Contains(t, finding(t, all, "topics", doctor.Wrong, "partitions is 4, expected 6").Do,
			"configure the number")
		cfg.Topics.Categories[0].Partitions = 4
		diagnosed(t, cfg, healthy)
	})
	t.Run("permissions", func(t *testing.T) {
		kafkatest.Topics(t, p.config(t, admin, "strange"))
		cfg := p.config(t, newcomer, "strange")
		cfg.Sharing.Advertise = "here:1"
		all := diagnosed(t, cfg, func(all []doctor.Finding) bool {
			return strings.Contains(fmt.Sprint(off(all)), "no permission for Read on group")
		})
		for _, f := range all {
			if f.Check == "permissions" && f.Verdict == doctor.Wrong {
				p.follow(t, f)
			}
		}
		diagnosed(t, cfg, healthy)
	})
	cfg := p.config(t, admin, "billing")
	cfg.IndexDir = t.TempDir()
	kafkatest.Topics(t, cfg)
	require.NoError(t, storetest.Open(t, cfg).Close())
	p.losesBrokers(t, cfg)
}

// losesBrokers ends and pauses brokers. One such fault concerns many partitions, and is still one
// finding.
func (p *patient) losesBrokers(t *testing.T, cfg kafka.Config) {
	t.Helper()
	all := "(billing.account.events 0-3; billing.dead-letter 0; billing.transfer.events 0-2)"
	t.Run("one broker ends", func(t *testing.T) {
		require.NoError(t, p.Kill(2))
		found := diagnosed(t, cfg, says(2, "8 partitions have not all replicas in sync: those on broker 2 lack "+all))
		require.Contains(t, finding(t, found, "brokers", doctor.Wrong,
			cfg.Connection.Brokers[2]+": nothing listens there").Do, "start the broker")
		require.NoError(t, p.Restart(t.Context(), 2))
		diagnosed(t, cfg, healthy)
	})
	t.Run("one broker hangs", func(t *testing.T) {
		require.NoError(t, p.Pause(1))
		found := diagnosed(t, cfg, says(2, "8 partitions have not all replicas in sync: those on broker 1 lack "+all))
		require.Contains(t, finding(t, found, "brokers", doctor.Wrong,
			cfg.Connection.Brokers[1]+": something listens there").Do, "kill -CONT")
		require.NoError(t, p.Resume(1))
		diagnosed(t, cfg, healthy)
	})
	t.Run("two brokers end", func(t *testing.T) {
		require.NoError(t, p.Kill(1))
		require.NoError(t, p.Kill(2))
		found := diagnosed(t, cfg, func(all []doctor.Finding) bool {
			return strings.Contains(fmt.Sprint(all),
				"so probably none does")
		})
		for _, n := range []int{1, 2} {
			finding(t, found, "brokers", doctor.Wrong, cfg.Connection.Brokers[n])
		}
		require.Contains(t, finding(t, found, "cluster", doctor.Warning, "1 of its 3 brokers answer").Do,
			"start brokers 1 and 2")
		text := fmt.Sprint(found)
		require.NotContains(t, text, "all replicas in sync, ")
		require.NotContains(t, text, "is as it must be")
		require.Contains(t, text, "no leader that answers")
		require.LessOrEqual(t, len(off(found)), 6, "%+v", off(found))
		var group sync.WaitGroup
		for _, n := range []int{1, 2} {
			group.Go(func() {
				if err := p.Restart(t.Context(), n); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		diagnosed(t, cfg, healthy)
	})
}

// makeTopics makes the topics of a configuration with one replica, and with these settings.
func (p *patient) makeTopics(t *testing.T, cfg kafka.Config, settings map[string]string) {
	t.Helper()
	values := make(map[string]*string)
	for name, value := range settings {
		values[name] = &value
	}
	c, err := sarama.NewClusterAdmin(p.Brokers(), sarama.NewConfig())
	require.NoError(t, err)
	defer c.Close()
	topics, err := cfg.Topics.All()
	require.NoError(t, err)
	for _, topic := range topics {
		require.NoError(t, c.CreateTopic(topic.Name, &sarama.TopicDetail{
			NumPartitions: topic.Partitions, ReplicationFactor: 1, ConfigEntries: values,
		}, false))
	}
}
