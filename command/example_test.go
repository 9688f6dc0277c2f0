package command_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

type Greet struct{ Name string }

type Wave struct{ Name string }

func Example() {
	bus := command.NewBus(command.Config{})
	err := command.Register(bus, func(ctx context.Context, c Greet) (eventstore.Outcome, error) {
		md, _ := command.MetadataFrom(ctx)
		fmt.Printf("hello %s, says %s in command %s\n", c.Name, md.ActorID, md.ID)
		return eventstore.Outcome{}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bus.Dispatch(context.Background(), Greet{Name: "Ada"}, command.WithID("c-1"), command.WithActor("user-1"))
	if err != nil {
		fmt.Println(err)
	}
	// Output: hello Ada, says user-1 in command c-1
}

func ExampleMiddleware() {
	onlyKnownActors := func(next command.Handler) command.Handler {
		return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
			if md, _ := command.MetadataFrom(ctx); md.ActorID == "" {
				return eventstore.Outcome{}, errors.New("who are you?")
			}
			return next(ctx, cmd)
		}
	}
	bus := command.NewBus(command.Config{Middleware: []command.Middleware{onlyKnownActors}})
	err := command.Register(bus, func(_ context.Context, c Greet) (eventstore.Outcome, error) {
		fmt.Println("hello", c.Name)
		return eventstore.Outcome{}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bus.Dispatch(context.Background(), Greet{Name: "Ada"})
	fmt.Println(err)
	_, err = bus.Dispatch(context.Background(), Greet{Name: "Ada"}, command.WithActor("user-1"))
	fmt.Println(err)
	// Output:
	// who are you?
	// hello Ada
	// <nil>
}

func ExampleUnknownError() {
	bus := command.NewBus(command.Config{})
	_, err := bus.Dispatch(context.Background(), Greet{Name: "Ada"})
	fmt.Println(errors.Is(err, command.ErrUnknown))
	fmt.Println(err)
	// Output:
	// true
	// command command_test.Greet has no handler: give a func(context.Context, command_test.Greet) (eventstore.Outcome, error) to command.Register
}

// A command with an id may be dispatched again. Its metadata reaches every event that it makes.
func ExampleBus_Dispatch() {
	bus := command.NewBus(command.Config{})
	err := command.Register(bus, func(ctx context.Context, _ Greet) (eventstore.Outcome, error) {
		cause := event.CauseFrom(ctx) // a repository stamps it on the events
		fmt.Println(cause.CommandID, cause.ActorID, cause.Metadata["tenant"])
		return eventstore.Outcome{}, errors.New("nobody is at home")
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := bus.Dispatch(context.Background(), Greet{Name: "Ada"}, command.WithID("c-1"),
		command.WithActor("user-1"), command.WithMetadata(map[string]string{"tenant": "t-1"}))
	fmt.Println(done.CommandID, err)
	// Output:
	// c-1 user-1 t-1
	// c-1 nobody is at home
}

// A command that a handler dispatches belongs to the handler's conversation.
func ExampleMetadataFrom() {
	bus := command.NewBus(command.Config{})
	err := errors.Join(
		command.Register(bus, func(ctx context.Context, c Greet) (eventstore.Outcome, error) {
			return bus.Dispatch(ctx, Wave(c), command.WithID("c-2"))
		}),
		command.Register(bus, func(ctx context.Context, c Wave) (eventstore.Outcome, error) {
			md, _ := command.MetadataFrom(ctx)
			fmt.Printf("wave to %s: %s of conversation %s, caused by %s\n", c.Name, md.ID, md.CorrelationID,
				md.CausationID)
			return eventstore.Outcome{}, nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bus.Dispatch(context.Background(), Greet{Name: "Ada"},
		command.WithID("c-1"), command.WithCorrelationID("request-7"))
	fmt.Println(err)
	// Output:
	// wave to Ada: c-2 of conversation request-7, caused by c-1
	// <nil>
}

// Hail is what Greet is called now. Its durable name stays, so a repetition of an earlier command
// is recognised.
type Hail struct{ Name string }

func (Hail) CommandType() string { return "Greet" }

func ExampleNamed() {
	bus := command.NewBus(command.Config{})
	var digests []string
	note := func(ctx context.Context) (eventstore.Outcome, error) {
		digests = append(digests, event.CauseFrom(ctx).CommandDigest)
		return eventstore.Outcome{}, nil
	}
	err := errors.Join(
		command.Register(bus, func(ctx context.Context, _ Greet) (eventstore.Outcome, error) { return note(ctx) }),
		command.Register(bus, func(ctx context.Context, _ Hail) (eventstore.Outcome, error) { return note(ctx) }))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, cmd := range []any{Greet{Name: "Ada"}, Hail{Name: "Ada"}} {
		if _, err := bus.Dispatch(context.Background(), cmd, command.WithID("c-1")); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("the same command:", digests[0] == digests[1])
	// Output: the same command: true
}

// Refund names its own id: a payment is refunded once, whoever asks for it.
type Refund struct{ PaymentID string }

func (r Refund) CommandID() string { return "refund-" + r.PaymentID }

func ExampleIdentified() {
	bus := command.NewBus(command.Config{})
	err := command.Register(bus, func(context.Context, Refund) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := bus.Dispatch(context.Background(), Refund{PaymentID: "p-1"})
	fmt.Println(done.CommandID, err)

	_, err = bus.Dispatch(context.Background(), Refund{PaymentID: "p-1"}, command.WithID("c-7"))
	fmt.Println(errors.Is(err, eventstore.ErrInvalid))
	// Output:
	// refund-p-1 <nil>
	// true
}
