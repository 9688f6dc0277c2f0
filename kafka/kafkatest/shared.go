package kafkatest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// Shared is one cluster for all tests of a test binary. It starts when the first test asks for it,
// and the Runner of [Shared.Main] stops it:
//
//	var cluster = kafkatest.NewShared(kafkatest.Config{Registry: true})
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(cluster.Main(m)) }
//
//	func TestSomething(t *testing.T) { c := cluster.Get(t); … }
//
// If the variable KAFKA_BROKERS is set, Shared is that cluster instead, with the registry at
// SCHEMA_REGISTRY_URL. Then nothing is started or stopped, and its brokers cannot be killed. Tests
// that share a cluster should use different topics. A test that kills brokers should start another
// cluster.
type Shared struct {
	cfg Config

	once    sync.Once
	cluster *Cluster
	err     error
}

// NewShared returns a cluster that does not run yet, and will start as cfg says.
func NewShared(cfg Config) *Shared { return &Shared{cfg: cfg} }

// Get returns the cluster, which the first call starts. If it cannot start, this test and all later
// ones that ask for it fail with the same error.
func (s *Shared) Get(tb testing.TB) *Cluster {
	tb.Helper()
	s.once.Do(func() { s.cluster, s.err = s.open() })
	if s.err != nil {
		tb.Fatal(s.err)
	}
	if s.cluster.external() {
		tb.Logf("kafkatest: using the cluster at %s (%s is set)", strings.Join(s.cluster.Brokers(), ","), EnvBrokers)
	}
	return s.cluster
}

// open finds the cluster of the environment or starts one.
func (s *Shared) open() (*Cluster, error) {
	brokers := os.Getenv(EnvBrokers)
	if brokers == "" {
		// The cluster, and its start, outlive the test that asks for it first.
		return Start(context.Background(), s.cfg)
	}
	url := os.Getenv(EnvRegistry)
	if s.cfg.Registry && url == "" {
		return nil, fmt.Errorf("kafkatest: %s is set and %s is not, but a registry is needed: set both or neither",
			EnvBrokers, EnvRegistry)
	}
	return &Cluster{addrs: strings.Split(brokers, ","), url: strings.TrimSuffix(url, "/")}, nil
}

// Stop stops the cluster if it was started here. Do not call it while a test may still call
// [Shared.Get].
func (s *Shared) Stop() error {
	s.once.Do(func() { s.err = fmt.Errorf("kafkatest: %w", ErrStopped) })
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Stop()
}

// Runner runs the tests of a binary. It is a [testing.M], or wraps one.
type Runner interface{ Run() int }

// Main returns a Runner that runs m and then stops the cluster. A check for leaked goroutines after
// that finds none of the cluster. The exit code is that of m, but not 0 if stopping failed.
func (s *Shared) Main(m Runner) Runner { return &sharedMain{shared: s, tests: m} }

type sharedMain struct {
	shared *Shared
	tests  Runner
}

func (m *sharedMain) Run() int {
	code := m.tests.Run()
	if err := m.shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}
