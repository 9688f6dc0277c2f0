//go:build unix

package kafkatest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/process"
)

// A part that is stopped while it starts has not died. Only an internal test can keep it from being
// ready.
func TestAPartThatIsStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "part.log")
	for _, c := range []struct {
		name, script string
		meanwhile    func(*child) error
		is, not      error
		says         string
	}{
		{
			"stopped", "exec sleep 600", (*child).kill, ErrNotReady, ErrProcessDied,
			"kafkatest: part: not ready in time: it was stopped",
		},
		{
			"dies", "exit 3", func(c *child) error { <-c.process().Done(); return nil }, ErrProcessDied, ErrNotReady,
			"exit status 3",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			part := &child{name: "part", plan: func() (process.Spec, error) {
				return process.Spec{Name: "part", Path: "/bin/sh", Args: []string{"-c", c.script}, Log: log}, nil
			}}
			require.NoError(t, part.start())
			unready := errors.New("it does not answer")
			probe := func(context.Context) error { return errors.Join(unready, c.meanwhile(part)) }
			err := part.await(t.Context(), probe, func(error) {})
			require.ErrorIs(t, err, c.is)
			require.NotErrorIs(t, err, c.not)
			require.ErrorContains(t, err, c.says)
		})
	}
}
