package proof

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A required kind is missing until a fault was injected whose name begins so.
func TestMissingFaults(t *testing.T) {
	cfg := Config{Require: []string{"broker", "answer lost, produce"}}
	require.Equal(t, cfg.Require, cfg.missing(nil))
	some := map[string]int{"broker killed, leader": 1, "answer lost, claim": 2}
	require.Equal(t, []string{"answer lost, produce"}, cfg.missing(some))
	require.Empty(t, cfg.missing(map[string]int{"broker paused, any": 1, "answer lost, produce": 1}))
}
