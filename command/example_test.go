package command_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
)

type Greet struct{ Name string }

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
