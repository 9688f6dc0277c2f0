//go:build cluster

package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// seedVariable gives TestSchemathesis another seed than the fixed one.
const seedVariable = "FENCELOG_SCHEMATHESIS_SEED"

// schemathesisPackages returns the tool and everything that it imports, with exact versions.
func schemathesisPackages() []string {
	return []string{
		"schemathesis==4.32.5", "hypothesis==6.170.17", "hypothesis-graphql==0.13.5", "graphql-core==3.3.2",
		"jsonschema_rs==0.60.3",
		"harfile==0.6.0", "pyrate-limiter==4.5.1", "requests==2.34.2", "urllib3==2.8.0", "certifi==2026.10.19.post1",
		"charset-normalizer==3.5.3",
		"idna==3.20", "Werkzeug==3.1.9", "MarkupSafe==3.0.4", "PyYAML==6.0.4", "click==8.5.1", "rich==15.0.0",
		"markdown-it-py==4.3.0",
		"mdurl==0.1.2", "Pygments==2.21.0", "pytest==9.2.0", "pluggy==1.7.0", "iniconfig==2.3.1", "packaging==26.4",
		"sortedcontainers==2.4.0",
		"anyio==4.16.0", "typing_extensions==4.16.0",
	}
}

// Schemathesis makes requests from the document, right ones and wrong ones. It finds no answer that
// the document does not describe. Its settings are in schemathesis.toml. Each finding fails the
// test.
func TestSchemathesis(t *testing.T) {
	python, err := kafkatest.InstallPythonPackages(t.Context(), t.Output(), "python-schemathesis-4.32.5",
		schemathesisPackages()...)
	require.NoError(t, err)
	seed := "1"
	if given := os.Getenv(seedVariable); given != "" {
		seed = given
	}
	t.Logf("seed %s; %s chooses another one", seed, seedVariable)
	c := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	out, err := python.Run(ctx, nil, "testdata/schemathesis/run.py", "run", c.url+"/openapi.json", "--seed", seed,
		"--no-color")
	require.NoError(t, err)
	report := strings.TrimSpace(string(out))
	t.Log(report)
	require.True(t, strings.HasSuffix(report, "\nexit 0"), "it has found something")
	require.Contains(t, report, "Operations:       10 selected / 10 total")
}
