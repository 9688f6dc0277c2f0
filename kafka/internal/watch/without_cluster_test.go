//go:build !cluster

package watch_test

import (
	"testing"

	"go.uber.org/goleak"
)

func withCluster(m *testing.M) goleak.TestingM { return m }
