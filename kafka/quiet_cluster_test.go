//go:build cluster

package kafka_test

import (
	"os"
	"testing"
	"time"
)

// As TestTaken_isClaimedAgainWhenTheOtherIsQuiet, on real brokers.
func TestTaken_onBrokers(t *testing.T) {
	if args := os.Getenv(rivalEnv); args != "" {
		beARival(t, args)
		return
	}
	cfg := realWith(t, 1)
	cfg.QuietTime = 10 * time.Second // brokers may take none of the other's batches for a moment
	takenAndQuiet(t, cfg)
}
