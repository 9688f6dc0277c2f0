//go:build cluster

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestRegistersInARealRegistry(t *testing.T) {
	t.Parallel()
	c := kafkatest.ForTest(t, kafkatest.Config{Brokers: 1, Registry: true})
	getenv := getenvOf(c.RegistryURL())
	for range 2 {
		code, stdout, stderr := program(t, getenv)
		require.Equal(t, exitOK, code, stderr)
		require.Regexp(t, `AccountDebited +2 +[1-9][0-9]*  billing.account.events-billing.account.AccountDebited`, stdout)
	}
	code, _, stderr := program(t, getenv, "-check")
	require.Equal(t, exitOK, code, stderr)
}
