//go:build cluster

package kafka_test

import (
	"os"
	"testing"
	"time"
)

// Like TestTaken_isClaimedAgainWhenTheOtherIsQuiet, on real brokers.
func TestTaken_onBrokers(t *testing.T) {
	if args := os.Getenv(rivalEnv); args != "" {
		beARival(t, args)
		return
	}
	cfg := realWith(t, 1)
	cfg.QuietTime = 10 * time.Second // for a moment brokers may not accept the other's batches
	takenAndQuiet(t, cfg)
}
