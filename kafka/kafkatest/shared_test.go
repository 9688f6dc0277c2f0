//go:build unix

package kafkatest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

type exitCode int

func (c exitCode) Run() int { return int(c) }

func TestSharedUsesTheClusterOfTheEnvironment(t *testing.T) {
	t.Setenv(kafkatest.EnvBrokers, "kafka-1:9092,kafka-2:9092")
	t.Setenv(kafkatest.EnvRegistry, "http://registry:8081/")
	shared := kafkatest.NewShared(kafkatest.Config{Registry: true})
	c := shared.Get(t)
	require.Same(t, c, shared.Get(t))
	require.Equal(t, []string{"kafka-1:9092", "kafka-2:9092"}, c.Brokers())
	require.Equal(t, "http://registry:8081", c.RegistryURL())
	require.ErrorIs(t, c.Kill(0), kafkatest.ErrExternal)
	require.ErrorIs(t, c.Restart(t.Context(), 0), kafkatest.ErrExternal)
	require.ErrorIs(t, c.Pause(0), kafkatest.ErrExternal)
	require.ErrorIs(t, c.Resume(0), kafkatest.ErrExternal)
	require.NoError(t, shared.Stop())
	require.NoError(t, shared.Stop())
}

// recorder is a test whose Fatal records the reason and panics.
type recorder struct {
	testing.TB
	fatal []any
}

func (r *recorder) Fatal(args ...any) { r.fatal = args; panic(r) }

func TestSharedFailsEveryTestForTheSameReason(t *testing.T) {
	newStub(t, "echo the quorum is haunted\nexit 3\n")
	t.Setenv(kafkatest.EnvBrokers, "")
	shared := kafkatest.NewShared(kafkatest.Config{})
	var reasons []any
	for range 2 {
		r := &recorder{TB: t}
		require.Panics(t, func() { shared.Get(r) })
		reasons = append(reasons, r.fatal...)
	}
	require.Len(t, reasons, 2)
	require.Same(t, reasons[0], reasons[1])
	require.ErrorIs(t, reasons[0].(error), kafkatest.ErrProcessDied)
	require.NoError(t, shared.Stop())
}

func TestSharedWantsARegistryWithTheBrokers(t *testing.T) {
	t.Setenv(kafkatest.EnvBrokers, "kafka-1:9092")
	t.Setenv(kafkatest.EnvRegistry, "")
	r := &recorder{TB: t}
	require.Panics(t, func() { kafkatest.NewShared(kafkatest.Config{Registry: true}).Get(r) })
	require.ErrorContains(t, r.fatal[0].(error), kafkatest.EnvRegistry)
}

func TestSharedStartsNothingThatNoTestAsksFor(t *testing.T) {
	s := newStub(t, sleeper)
	shared := kafkatest.NewShared(kafkatest.Config{})
	require.Equal(t, 3, shared.Main(exitCode(3)).Run())
	require.Empty(t, s.runDirs(t))
	r := &recorder{TB: t}
	require.Panics(t, func() { shared.Get(r) })
	require.ErrorIs(t, r.fatal[0].(error), kafkatest.ErrStopped)
}
