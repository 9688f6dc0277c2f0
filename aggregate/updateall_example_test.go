package aggregate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// Till is the state. The tills of one shop have one partition key: "berlin/1" and "berlin/2".
type Till struct{ Balance int64 }

// Credited and Debited are its events.
type (
	Credited struct{ Amount int64 }
	Debited  struct{ Amount int64 }
)

func (Credited) EventType() string { return "Credited" }
func (e Credited) Apply(t *Till)   { t.Balance += e.Amount }
func (Debited) EventType() string  { return "Debited" }
func (e Debited) Apply(t *Till)    { t.Balance -= e.Amount }

var ErrInsufficientFunds = errors.New("insufficient funds")

// Transfer moves money between two tills of a shop.
type Transfer struct {
	From, To string
	Amount   int64
}

func (t Transfer) Decide(tills *aggregate.Group[Till]) ([]aggregate.Change[Till], error) {
	if tills.State(t.From).Balance < t.Amount {
		return nil, ErrInsufficientFunds
	}
	return []aggregate.Change[Till]{
		aggregate.On(t.From, Debited{t.Amount}),
		aggregate.On(t.To, Credited{t.Amount}),
	}, nil
}

// newTills returns a repository of tills over an empty store in memory.
func newTills(ctx context.Context) (*aggregate.Repository[Till], error) {
	store, err := memory.New(memory.Config{
		Categories:    []string{"Till"},
		PartitionKeys: map[string]eventstore.PartitionKey{"Till": eventstore.BeforeSlash},
	})
	if err != nil {
		return nil, err
	}
	return aggregate.NewRepository(ctx,
		aggregate.NewType("Till", Credited{}, Debited{}), store, jsoncodec.Codec{}, aggregate.Config{})
}

// Both tills change, or none.
func ExampleRepository_UpdateAll() {
	ctx := context.Background()
	tills, err := newTills(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = tills.Update(ctx, "berlin/1", func(Till) ([]aggregate.Event[Till], error) {
		return []aggregate.Event[Till]{Credited{50}}, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	transfer := Transfer{From: "berlin/1", To: "berlin/2", Amount: 30}
	for range 2 {
		done, err := tills.UpdateAll(ctx, transfer.Decide)
		for _, e := range done.Events {
			fmt.Println(e.AggregateID, e.AggregateVersion, e.Type, e.Events)
		}
		fmt.Println(err)
	}
	// Output:
	// berlin/1 2 Debited [{30}]
	// berlin/2 1 Credited [{30}]
	// <nil>
	// insufficient funds
}
