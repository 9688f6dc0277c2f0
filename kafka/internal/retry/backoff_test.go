package retry_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// The pauses double up to a bound. A trouble that lasts is told of, a short one is not.
func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name   string
		pause  retry.Backoff
		pauses []time.Duration
		told   []int // after which failures, from 1
	}{
		{
			name: "brokers are away",
			pauses: append([]time.Duration{20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms},
				slices.Repeat([]time.Duration{500 * ms}, 12)...),
			told: []int{7, 10, 16},
		},
		{
			name:  "a transaction is in the way",
			pause: retry.AmidTransactions(),
			pauses: append([]time.Duration{2 * ms, 4 * ms, 8 * ms, 16 * ms},
				slices.Repeat([]time.Duration{32 * ms}, 70)...),
			told: []int{36, 68},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var pauses []time.Duration
				var told []int
				for n := range test.pauses {
					if test.pause.Tells() {
						told = append(told, n+1)
					}
					before := clock.Reading()
					require.NoError(t, test.pause.Wait(t.Context()))
					pauses = append(pauses, clock.Reading().Sub(before))
				}
				require.Equal(t, test.pauses, pauses)
				require.Equal(t, test.told, told)
			})
		})
	}
}
