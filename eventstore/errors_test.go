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
		&eventstore.CommandConflictError{Stream: stream(), CommandID: "c"}:    eventstore.ErrConflict,
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
	require.EqualError(t, &eventstore.CommandConflictError{Stream: stream(), CommandID: "c", Applied: true},
		`command "c" is applied in the partition key of Account/a-1, and the decision expected that it is not: `+
			"decide anew")
	require.EqualError(t, &eventstore.CommandConflictError{Stream: stream(), CommandID: "c"},
		`command "c" is not applied in the partition key of Account/a-1, and the decision expected that it is: `+
			"decide anew")
	require.EqualError(t, &eventstore.CommandReusedError{
		Stream: stream(), CommandID: "c", Stored: "d1", Given: "d2", Wrote: []eventstore.Stream{stream()},
	},
		`the partition key of Account/a-1 holds command "c" with digest "d1", given digest "d2": another command has `+
			"this id; give each command another id, and repeat a command with the content it had")
	reused := &eventstore.CommandReusedError{Stream: stream(), CommandID: "c", Stored: "d1", Given: "d1"}
	for i := range 7 {
		reused.Wrote = append(reused.Wrote, eventstore.Stream{Category: "Account", ID: fmt.Sprint("b-", i+1)})
	}
	const before, after = `the partition key of Account/a-1 holds a commit of command "c" to `,
		": a command makes one commit in a partition key; give each command another id, and gather the events of one " +
			"command in one commit"
	require.EqualError(t, reused, before+
		"Account/b-1, Account/b-2, Account/b-3, Account/b-4, Account/b-5, and 2 more"+after)
	reused.Wrote, reused.Given = reused.Wrote[:5], ""
	require.EqualError(t, reused, before+"Account/b-1, Account/b-2, Account/b-3, Account/b-4, Account/b-5"+after)
	require.EqualError(t, &eventstore.InvalidError{Field: "value", Found: "nothing", Want: "an encoded event"},
		"value: found nothing, expected an encoded event")
}
