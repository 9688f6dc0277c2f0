package kafkatest

import (
	"testing"
)

// ForTest starts a cluster for one test. If the cluster cannot start, the test fails at once, with
// the end of the log that tells why. The cluster stops when the test and its subtests are over. If
// [Config.Progress] is nil, the progress goes to the test's log.
func ForTest(tb testing.TB, cfg Config) *Cluster {
	tb.Helper()
	if cfg.Progress == nil {
		cfg.Progress = tb.Output()
	}
	c, err := Start(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return c
}
