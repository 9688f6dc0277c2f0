package measure

import (
	"slices"
	"time"
)

// sorted returns the values in order. It does not change its argument.
func sorted(values []float64) []float64 { return slices.Sorted(slices.Values(values)) }

// median returns the middle value, or the mean of the two in the middle. It returns 0 if there is
// none.
func median(values []float64) float64 {
	s := sorted(values)
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// quantile returns the value that a share q of the durations does not exceed, in seconds. It puts
// them in order.
func quantile(times []time.Duration, q float64) float64 {
	slices.Sort(times)
	return times[min(int(q*float64(len(times))), len(times)-1)].Seconds()
}

// ratios divides round by round. If something slows a round down, it slows both.
func ratios(above, below []float64) []float64 {
	all := make([]float64, min(len(above), len(below)))
	for i := range all {
		all[i] = above[i] / below[i]
	}
	return all
}

// stopwatch returns a function that says how much time has passed since the call of stopwatch.
func stopwatch() (passed func() time.Duration) {
	begun := time.Now() //nolint:forbidigo // a duration needs the monotonic reading that internal/clock takes away
	return func() time.Duration { return time.Since(begun) }
}
