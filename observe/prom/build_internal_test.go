package prom

import (
	"runtime/debug"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// The labels are those that Go wrote into the program.
func TestBuildLabels(t *testing.T) {
	t.Parallel()
	service := &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "example.com/shop", Version: "v1.2.3"},
		Deps:      []*debug.Module{{Path: "example.com/other", Version: "v9.9.9"}, {Path: library, Version: "v0.7.0"}},
		Settings:  []debug.BuildSetting{{Key: "vcs.revision", Value: "c0ffee"}, {Key: "vcs.modified", Value: "true"}},
	}
	require.Equal(t, prometheus.Labels{
		"module": "example.com/shop", "version": "v1.2.3", "revision": "c0ffee+changed", "fencelog": "v0.7.0",
		"goversion": "go1.26.8",
	}, buildLabels(service))
	own := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: library, Version: "v0.7.1"}}
	require.Equal(t, prometheus.Labels{
		"module": library, "version": "v0.7.1", "revision": "unknown", "fencelog": "v0.7.1", "goversion": "go1.26.8",
	}, buildLabels(own))
	for name, value := range buildLabels(new(debug.BuildInfo)) {
		require.Equal(t, "unknown", value, name)
	}
}

func TestBuildInfo(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	_, err := New(r, Config{})
	require.NoError(t, err)
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "fencelog_build_info" {
			require.InDelta(t, 1, f.GetMetric()[0].GetGauge().GetValue(), 0)
			require.Len(t, f.GetMetric()[0].GetLabel(), 5)
			return
		}
	}
	require.Fail(t, "there is none")
}
