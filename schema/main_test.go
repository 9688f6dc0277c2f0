package schema_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/schema"
)

var _ aggregate.Codec = (*schema.Codec)(nil)

func TestMain(m *testing.M) {
	// Sarama, with which a test cluster is watched, starts one goroutine a process that cannot be
	// ended.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}
