package hamba_test

import (
	"context"
	"fmt"
	"reflect"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/registry"
)

// Noted is an event.
type Noted struct {
	Text string `avro:"text"`
}

// Both engines write the same bytes, so a program may change over at any time.
func ExampleEngine() {
	ctx := context.Background()
	schemas := registry.NewMemory()
	sources := schema.Sources{"Note": fstest.MapFS{
		"Noted.avsc": {Data: []byte(`{"type":"record","name":"Noted","namespace":"notes","fields":[{"name":"text","type":"string"}]}`)},
	}}
	typ := event.Type{Category: "Note", Name: "Noted", Go: reflect.TypeFor[Noted]()}
	for _, engine := range []schema.Engine{hamba.Engine{}, schema.Twmb{}} {
		codec, err := registry.NewCodec(schemas, sources, schema.Config{Engine: engine})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := codec.Bind(ctx, []event.Type{typ}); err != nil {
			fmt.Println(err)
			return
		}
		value, _, err := codec.Encode(ctx, typ, Noted{Text: "hi"})
		fmt.Printf("%x %v\n", value, err)
	}
	// Output:
	// 0000000001046869 <nil>
	// 0000000001046869 <nil>
}
