package blame_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/blame"
)

func TestWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"a partition that another instance owns":        eventstore.ErrNotOwner,
		"others who write to the same stream":           eventstore.ErrConflict,
		"brokers that tell whether an append is stored": eventstore.ErrOutcomeUnknown,
		"a store that is closed":                        eventstore.ErrClosed,
		"a peer that cannot be reached": &net.OpError{
			Op:  "dial",
			Err: errors.New("connection refused"),
		},
		"a release that knows the event's type and schema": eventstore.ErrUnknownEvent,
		"the handler, which fails with the event":          eventstore.ErrUndecodable,
	} {
		err := fmt.Errorf("handle: %w", err)
		require.Equal(t, want, blame.WaitsFor(blame.Reason(err), err))
	}
}
