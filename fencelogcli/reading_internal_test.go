package fencelogcli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka"
)

func TestProgressAddsThePartitions(t *testing.T) {
	t.Parallel()
	var p progress
	require.Empty(t, p.String())
	p.read(kafka.Read{Topic: "a", Partition: 0, Next: 10, End: 100})
	p.read(kafka.Read{Topic: "a", Partition: 1, Next: 5, End: 50})
	p.read(kafka.Read{Topic: "a", Partition: 0, Next: 60, End: 120})
	require.Equal(t, ": 65 of 170 offsets", p.String())
}
