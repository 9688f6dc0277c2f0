// Hello is a guest book: an aggregate, two commands and a query. It keeps its events in memory, or
// in Kafka if KAFKA_BROKERS is set: then a second run finds what the first one left.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/query"
)

type Book struct{ Guests []string } // the state of an aggregate

func (b Book) Clone() Book { return Book{slices.Clone(b.Guests)} } // as states are shared

type Signed struct{ Guest string } // its events, and what each does to the state

func (Signed) EventType() string { return "Signed" }
func (e Signed) Apply(b *Book)   { b.Guests = append(b.Guests, e.Guest) }

type Struck struct{ Guest string }

func (Struck) EventType() string  { return "Struck" }
func (e Struck) Apply(b *Book)    { b.Guests = slices.DeleteFunc(b.Guests, e.is) }
func (e Struck) is(g string) bool { return g == e.Guest }

type Sign struct{ Book, Guest string } // the commands, which decide what happens, or refuse

func (c Sign) Decide(b Book) ([]aggregate.Event[Book], error) {
	if slices.Contains(b.Guests, c.Guest) {
		return nil, errors.New("this guest has signed already")
	}
	return []aggregate.Event[Book]{Signed{Guest: c.Guest}}, nil
}

type Strike struct{ Book, Guest string }

func (c Strike) Decide(b Book) ([]aggregate.Event[Book], error) {
	if !slices.Contains(b.Guests, c.Guest) {
		return nil, errors.New("this guest has not signed")
	}
	return []aggregate.Event[Book]{Struck{Guest: c.Guest}}, nil
}

type Guests struct { // a query, which names the type of its answer
	query.Returns[[]string]
	Book string
}

func main() {
	ctx := context.Background()
	types := aggregate.NewType[Book]("GuestBook", Signed{}, Struck{})
	books := must(aggregate.NewRepository(ctx, types, open(ctx), jsoncodec.Codec{}, aggregate.Config{}))
	commands, queries := command.NewBus(command.Config{}), query.NewBus(query.Config{})
	must(0, errors.Join(
		command.Register(commands, aggregate.Handle(books, func(c Sign) string { return c.Book })),
		command.Register(commands, aggregate.Handle(books, func(c Strike) string { return c.Book })),
		query.Register(queries, func(ctx context.Context, q Guests) ([]string, error) {
			book, err := books.Load(ctx, q.Book)
			if err != nil {
				return nil, err
			}
			return book.State().Guests, nil
		})))
	for _, c := range []any{Sign{"lobby", "Ada"}, Sign{"lobby", "Bob"}, Sign{"lobby", "Ada"}, Strike{"lobby", "Bob"}} {
		done, err := commands.Dispatch(ctx, c)
		fmt.Printf("%T%v: at version %d, error: %v\n", c, c, done.Last(), err)
	}
	fmt.Println("guests:", must(query.Ask(ctx, queries, Guests{Book: "lobby"})))
}

func open(ctx context.Context) eventstore.Store {
	if os.Getenv(environment.Brokers) == "" {
		return must(memory.New(memory.Config{Categories: []string{"GuestBook"}}))
	}
	cfg := must(environment.Read(os.Getenv, topics.Category{Name: "GuestBook"}))
	must(topics.Create(ctx, cfg.Connection, cfg.Topics))
	store := must(kafka.Open(ctx, cfg))
	must(0, store.Claim(ctx))
	return store
}

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return v
}
