package prom

import (
	"cmp"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// library is the module that this package is part of.
const library = "github.com/fencelog/fencelog"

// buildInfo is a gauge of 1 whose labels say what runs:
//   - the program's module with its version and the revision it was built from, with "+changed" if
//     the files differed from that revision;
//   - the version of this library;
//   - the version of Go.
//
// A label that the build does not tell is "unknown".
func buildInfo() prometheus.Collector {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1; the labels say what runs.", ConstLabels: buildLabels(info),
	}, func() float64 { return 1 })
}

func buildLabels(info *debug.BuildInfo) prometheus.Labels {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := cmp.Or(settings["vcs.revision"], unknown)
	if settings["vcs.modified"] == "true" {
		revision += "+changed"
	}
	version := cmp.Or(info.Main.Version, unknown)
	of := version // if the program is part of the library
	for _, d := range info.Deps {
		if d.Path == library {
			of = d.Version
		}
	}
	return prometheus.Labels{
		"module": cmp.Or(info.Main.Path, unknown), "version": version, "revision": revision, "fencelog": of,
		"goversion": cmp.Or(info.GoVersion, unknown),
	}
}

const unknown = "unknown"
