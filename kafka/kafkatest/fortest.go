package kafkatest

import (
	"testing"
)

// ForTest starts a cluster for one test, which fails at once, with the
// end of the log that tells why, if the cluster cannot start. The cluster stops when the test and its subtests are over.
// Where [Config.Progress] is nil, the test's log is told.
func ForTest(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	if cfg.Progress == nil {
		cfg.Progress = t.Output()
	}
	c, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}
