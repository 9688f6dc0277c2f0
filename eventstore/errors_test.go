package eventstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestErrorsIs(t *testing.T) {
	t.Parallel()
	sentinels := []error{
		eventstore.ErrConflict, eventstore.ErrInvalid, eventstore.ErrNotOwner, eventstore.ErrOutcomeUnknown,
		eventstore.ErrClosed, eventstore.ErrUndecodable, eventstore.ErrCommandReused,
	}
	for err, want := range map[error]error{
		&eventstore.ConflictError{Stream: stream(), Expected: 1, Actual: 2}:   eventstore.ErrConflict,
		&eventstore.CommandReusedError{Stream: stream(), CommandID: "c"}:      eventstore.ErrCommandReused,
		&eventstore.InvalidError{Field: "f", Found: "x", Want: "y"}:           eventstore.ErrInvalid,
		fmt.Errorf("append: %w", &eventstore.ConflictError{Stream: stream()}): eventstore.ErrConflict,
	} {
		for _, sentinel := range sentinels {
			if sentinel == want {
				require.ErrorIs(t, err, sentinel)
			} else {
				require.NotErrorIs(t, err, sentinel)
			}
		}
	}
}

func TestErrorsText(t *testing.T) {
	t.Parallel()
	require.EqualError(t, &eventstore.ConflictError{Stream: stream(), Expected: 3, Actual: 5},
		"stream Account/a-1 is at version 5, expected 3: load it again and decide anew")
	require.EqualError(t, &eventstore.ConflictError{Stream: stream(), Expected: 3, Actual: 3},
		"stream Account/a-1 at version 3 is not what the decision rests on: load it again and decide anew")
	require.EqualError(t, &eventstore.CommandReusedError{Stream: stream(), CommandID: "c", Stored: "d1", Given: "d2"},
		`stream Account/a-1 holds command "c" with digest "d1", given digest "d2": another command has this id; `+
			"give each command another id, and repeat a command with the content it had")
	require.EqualError(t, &eventstore.InvalidError{Field: "value", Found: "nothing", Want: "an encoded event"},
		"value: found nothing, expected an encoded event")
}
