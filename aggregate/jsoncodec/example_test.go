package jsoncodec_test

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/eventstore/memory"
)

type Counter struct{ N int }

type Counted struct{ By int }

func (Counted) EventType() string  { return "Counted" }
func (e Counted) Apply(c *Counter) { c.N += e.By }

func Example() {
	ctx := context.Background()
	store, err := memory.New(memory.Config{Categories: []string{"Counter"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	counters, err := aggregate.NewRepository(ctx,
		aggregate.NewType[Counter]("Counter", Counted{}), store, jsoncodec.Codec{}, aggregate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = counters.Update(ctx, "visits", func(Counter) ([]aggregate.Event[Counter], error) {
		return []aggregate.Event[Counter]{Counted{By: 2}}, nil
	})
	fmt.Println(err)
	for r, err := range store.ReadStream(ctx, counters.Stream("visits"), 1) {
		fmt.Printf("%s %v\n", r.Value, err)
	}
	// Output:
	// <nil>
	// {"By":2} <nil>
}
