package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The brokers have the settings that the promises of the store rest on, and those that the seed of
// the project asked for.
func TestSettingsThatAllBrokersShare(t *testing.T) {
	t.Parallel()
	properties, err := source("../../..").brokerProperties()
	require.NoError(t, err)
	for name, want := range map[string]string{
		"default.replication.factor":               "3",
		"min.insync.replicas":                      "2",
		"unclean.leader.election.enable":           "false",
		"offsets.topic.replication.factor":         "3",
		"transaction.state.log.replication.factor": "3",
		"transaction.state.log.min.isr":            "2",
		"auto.create.topics.enable":                "false",
		"num.partitions":                           "10",
		"log.retention.ms":                         "-1",
		"log.retention.bytes":                      "-1",
	} {
		require.Equal(t, want, properties[name], name)
	}
}
