package kafka

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Not every machine that runs the tests has IPv6, so the failure to connect is made here.
func TestUnreachableNamesThePortOfAnIPv6Address(t *testing.T) {
	t.Parallel()
	var d diagnosis
	d.unreachable("broker at [::1]:9092", "[::1]:9092", syscall.ECONNREFUSED, "KAFKA_BROKERS")
	require.Equal(t, "broker at [::1]:9092: nothing listens there", d.findings[0].Found)
	require.Contains(t, d.findings[0].Do, "(lsof -i :9092)")
}
