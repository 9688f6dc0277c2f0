package progress_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// A wait that is over soon is not told again. A longer one is told every few seconds, with its
// present cause.
func TestWaitsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told bytes.Buffer
		p := progress.To(&told)
		var cause atomic.Value
		cause.Store("broker-1")
		p.Say("starting %d brokers", 3)
		p.During(func() string { return "never" })()

		over := p.During(func() string { return "waiting for " + cause.Load().(string) })
		time.Sleep(progress.Every + time.Second) // of synctest's clock
		cause.Store("broker-2")
		time.Sleep(progress.Every)
		over()
		time.Sleep(time.Minute)
		require.Equal(t, "starting 3 brokers\nstill waiting for broker-1 (5 s)\nstill waiting for broker-2 (10 s)\n",
			told.String())
	})
}

func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	p := progress.To(nil)
	p.Say("something")
	p.During(func() string { return "something" })()
}
