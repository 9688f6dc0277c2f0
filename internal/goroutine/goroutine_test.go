package goroutine_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/goroutine"
	"github.com/fencelog/fencelog/internal/panics"
)

func TestApartReturnsWhateverHappens(t *testing.T) {
	t.Parallel()
	errNo := errors.New("no")
	require.NoError(t, goroutine.Apart("it", func() error { return nil }))
	require.ErrorIs(t, goroutine.Apart("it", func() error { return errNo }), errNo)
	var panicked *panics.Error
	require.ErrorAs(t, goroutine.Apart("it", func() error { panic("boom") }), &panicked)
	var exited *goroutine.ExitError
	require.ErrorAs(t, goroutine.Apart("it", func() error { runtime.Goexit(); return nil }), &exited)
	require.ErrorContains(t, exited, "it ended its goroutine")
}

func TestCurrentTellsGoroutinesApart(t *testing.T) {
	t.Parallel()
	here := goroutine.Current()
	require.NotZero(t, here)
	require.Equal(t, here, goroutine.Current())
	other := here
	require.NoError(t, goroutine.Apart("it", func() error { other = goroutine.Current(); return nil }))
	require.NotZero(t, other)
	require.NotEqual(t, here, other)
}
