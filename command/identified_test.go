package command_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// deliver is a command that names its id.
type deliver struct{ Parcel, To string }

func (d deliver) CommandID() string { return d.Parcel }

// deliverLater has the method of the command that it embeds.
type deliverLater struct{ deliver }

// collect has its methods on the pointer, where nobody calls them.
type collect struct{ Parcel string }

func (c *collect) CommandID() string { return c.Parcel }

// collected has its method on the pointer, too.
type collected struct{ Parcel string }

func (*collected) CommandType() string { return "Collect" }

// delivering returns a bus for deliver and OpenShop, and the causes that their handlers act upon.
func delivering(t *testing.T) (*command.Bus, *[]event.Cause) {
	t.Helper()
	bus := command.NewBus(command.Config{NewID: counting()})
	causes := new([]event.Cause)
	handle := func(ctx context.Context) (eventstore.Outcome, error) {
		md, _ := command.MetadataFrom(ctx)
		cause := event.CauseFrom(ctx)
		require.Equal(t, md.ID, cause.CommandID)
		require.Equal(t, md.ID, cause.CausationID)
		*causes = append(*causes, cause)
		return eventstore.Outcome{}, nil
	}
	require.NoError(t, errors.Join(
		command.Register(bus, noting[deliver](handle)), command.Register(bus, noting[deliverLater](handle)),
		command.Register(bus, noting[OpenShop](handle))))
	return bus, causes
}

// noting returns a handler that looks only at the context.
func noting[C any](
	handle func(context.Context) (eventstore.Outcome, error),
) func(context.Context, C) (eventstore.Outcome, error) {
	return func(ctx context.Context, _ C) (eventstore.Outcome, error) { return handle(ctx) }
}

func TestIdentified(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("p", eventstore.MaxIDBytes)
	for _, c := range []struct {
		name string
		cmd  any
		opts []command.Option
		want string
	}{
		{"names its id", deliver{Parcel: "p-1"}, nil, "p-1"},
		{"names it in what it embeds", deliverLater{deliver{Parcel: "p-1"}}, nil, "p-1"},
		{"names the longest id", deliver{Parcel: longest}, nil, longest},
		{"WithID gives the same", deliver{Parcel: "p-1"}, []command.Option{command.WithID("p-1")}, "p-1"},
		{"names none", deliver{To: "Ada"}, nil, "id-1"},
		{"names none, WithID gives one", deliver{To: "Ada"}, []command.Option{command.WithID("c-1")}, "c-1"},
		{"has no method, WithID gives one", OpenShop{}, []command.Option{command.WithID("c-1")}, "c-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bus, causes := delivering(t)

			done, err := bus.Dispatch(t.Context(), c.cmd, c.opts...)

			require.NoError(t, err)
			require.Equal(t, c.want, done.CommandID)
			require.Len(t, *causes, 1)
			require.Equal(t, c.want, (*causes)[0].CommandID)
		})
	}
}

// The content still tells a repetition from another command, which has the same id.
func TestIdentifiedDigest(t *testing.T) {
	t.Parallel()
	bus, causes := delivering(t)
	for _, to := range []string{"Ada", "Ada", "Bob"} {
		require.NoError(t, errOf(bus.Dispatch(t.Context(), deliver{Parcel: "p-1", To: to})))
	}
	first, again, other := (*causes)[0], (*causes)[1], (*causes)[2]
	require.Equal(t, first.CommandDigest, again.CommandDigest)
	require.NotEqual(t, first.CommandDigest, other.CommandDigest)
	require.Equal(t, first.CommandID, other.CommandID)
}

func TestIdentifiedMistakes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("p", eventstore.MaxIDBytes+1)
	for _, c := range []struct {
		name string
		cmd  any
		opts []command.Option
		want []string
	}{
		{"too long", deliver{Parcel: long}, nil, []string{"command id: found 256 bytes, expected 1 to 255 bytes"}},
		{"no text", deliver{Parcel: "p\xff"}, nil, []string{`command id: found "p\xff", expected 1 to 255`}},
		{
			"WithID gives another",
			deliver{Parcel: "p-1"},
			[]command.Option{command.WithID("c-1")},
			[]string{
				"dispatch command_test.deliver: command id of WithID: " +
					`found "c-1", expected "p-1", which the command names itself: leave the option out`,
			},
		},
		{
			"WithID gives none",
			deliver{Parcel: "p-1"},
			[]command.Option{command.WithID("")},
			[]string{`command id of WithID: found "", expected "p-1"`},
		},
		{
			"all at once",
			deliver{Parcel: "p-1"},
			[]command.Option{command.WithID(long), command.WithActor("")},
			[]string{
				`command id of WithID: found "` + long[1:] + `", expected "p-1"`, "command id: found 256 bytes",
				"actor id: found nothing",
			},
		},
		{"a pointer", &deliver{Parcel: "p-1"}, nil, []string{"found the pointer *command_test.deliver"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bus, causes := delivering(t)

			_, err := bus.Dispatch(t.Context(), c.cmd, c.opts...)

			require.ErrorIs(t, err, eventstore.ErrInvalid)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, *causes, "nothing ran")
		})
	}
}

// Commands are passed by value, so a method on the pointer would be overlooked in silence.
func TestRegisterMethodsOnPointers(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})

	err := command.Register(bus, func(context.Context, collect) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, nil
	})
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.EqualError(t, err, "register a command handler: method CommandID of command_test.collect: "+
		"found a pointer as its receiver, expected a value: a command is passed by value")

	err = command.Register(bus, func(context.Context, collected) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, nil
	})
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.ErrorContains(t, err, "method CommandType of command_test.collected: found a pointer as its receiver")
}
