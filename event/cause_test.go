package event_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
)

func TestCauseFrom(t *testing.T) {
	t.Parallel()
	require.Equal(t, event.Cause{}, event.CauseFrom(t.Context()))
	outer := event.Cause{
		CommandCausationID: "m-0", CorrelationID: "c-1", CausationID: "m-1", CommandID: "m-1", ActorID: "user-1",
		Metadata: map[string]string{"k": "v"},
	}
	ctx := event.WithCause(t.Context(), outer)
	inner := event.WithCause(ctx, event.Cause{CorrelationID: "c-2"})
	require.Equal(t, outer, event.CauseFrom(ctx))
	require.Equal(t, event.Cause{CorrelationID: "c-2"}, event.CauseFrom(inner),
		"a cause replaces the one around it as a whole")
	derived, cancel := context.WithCancel(ctx)
	cancel()
	require.Equal(t, outer, event.CauseFrom(derived))
}

func TestHeaderCause(t *testing.T) {
	t.Parallel()
	h := envelope("e-1", opened{}).Header
	require.Equal(t, event.Cause{
		CorrelationID: h.CorrelationID, CausationID: "e-1", ActorID: h.ActorID, TraceParent: h.TraceParent,
		Metadata: h.Metadata,
	}, h.Cause(), "the event's own cause and command are not those of what follows from it")
}

func TestPositionString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "3:41", event.Position{Partition: 3, Offset: 41}.String())
}

func ExampleCauseFrom() {
	ctx := event.WithCause(context.Background(), event.Cause{CorrelationID: "c-1", ActorID: "user-1"})
	cause := event.CauseFrom(ctx)
	fmt.Println(cause.CorrelationID, cause.ActorID)
	// Output: c-1 user-1
}
