package jsoncodec_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/event"
)

// A service that starts is told of each event type that JSON cannot hold. NewRepository asks the
// codec with Bind.
func ExampleUnfitError() {
	type Ordered struct {
		Lines []struct{ Price any } // read back, 7 would be a float64
	}
	err := jsoncodec.Codec{}.Bind(context.Background(), []event.Type{
		{Category: "Order", Name: "Ordered", Go: reflect.TypeFor[Ordered]()},
	})
	var unfit *jsoncodec.UnfitError
	if errors.As(err, &unfit) {
		fmt.Println(unfit.Field, "is", unfit.Found)
		fmt.Println("expected", unfit.Want)
	}
	// Output:
	// Lines[].Price is an interface, interface {}
	// expected a type that says what is read back
}

// A test holds what is stored, and reads what an earlier release stored. A field may come and go.
func ExampleCodec() {
	type Counted struct {
		By     int    `json:"by"`
		Reason string `json:"reason"` // which came later
	}
	ctx, codec, counted := context.Background(), jsoncodec.Codec{}, event.Type{
		Category: "Counter", Name: "Counted", Go: reflect.TypeFor[Counted](),
	}
	value, revision, err := codec.Encode(ctx, counted, Counted{By: 2, Reason: "a visit"})
	fmt.Println(string(value), "revision", revision, err)

	var e Counted
	err = codec.Decode(ctx, counted, []byte(`{"by":3,"who":"ada"}`), &e)
	fmt.Printf("%+v %v\n", e, err)
	// Output:
	// {"by":2,"reason":"a visit"} revision 1 <nil>
	// {By:3 Reason:} <nil>
}
