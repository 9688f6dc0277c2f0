package schema_test

import (
	"context"
	"fmt"
	"reflect"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

// The file says what the Go type says; it may say more, such as documentation.
func ExampleCheckDerived() {
	type Credited struct {
		Amount int64   `avro:"amount"`
		Note   *string `avro:"note"`
	}
	typ := event.Type{Category: "Account", Name: "Credited", Go: reflect.TypeFor[Credited]()}
	fmt.Println(schema.CheckDerived(typ, `{"type": "record", "name": "Credited", "namespace": "billing.account", "fields": [
		{"name": "amount", "type": "long", "doc": "In minor units."},
		{"name": "note", "type": ["null", "string"], "default": null}
	]}`))
	fmt.Println(schema.CheckDerived(typ, `{"type": "record", "name": "Credited", "namespace": "billing.account", "fields": [
		{"name": "amount", "type": "int"},
		{"name": "note", "type": ["null", "string"], "default": null}
	]}`))
	// Output:
	// <nil>
	// event type Account.Credited, Credited.avsc, field "amount": mismatch of Go type and schema: found int, expected long by the Go type
}

// Level of a parcel. What a newer program writes and this one does not know is read as the first.
type Level string

// Symbols implements schema.Enum.
func (Level) Symbols() []string { return []string{"UNKNOWN", "NORMAL", "EXPRESS"} }

// A string type that names its values is stored as an enum.
func ExampleEnum() {
	type Sent struct {
		Level Level `avro:"level"`
	}
	text, err := schema.Derive(event.Type{Category: "Parcel", Name: "Sent", Go: reflect.TypeFor[Sent]()}, "parcels")
	fmt.Print(text, err)
	// Output:
	// {
	//   "type": "record",
	//   "name": "Sent",
	//   "namespace": "parcels",
	//   "fields": [
	//     {"name": "level", "type": {"type": "enum", "name": "Level", "symbols": ["UNKNOWN", "NORMAL", "EXPRESS"], "default": "UNKNOWN"}}
	//   ]
	// }
	// <nil>
}

// A change is checked against the files that were released, without a server.
func ExampleReleased() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{ // an embed.FS in a program
		"released/Thing.v1.avsc": {Data: []byte(v1)},
		"Thing.avsc":             {Data: []byte(v2)},
	}}
	released, err := schema.Released(ctx, sources, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	checked, err := schema.Check(ctx, released, sources, schema.FullTransitive, schema.Config{})
	fmt.Println(checked[0].Latest, err)
	fmt.Println(checked[0].Unreleased())
	// Output:
	// 1 <nil>
	// Thing.avsc of Account is not released: copy it to released/Thing.v2.avsc, and keep that for ever
}

// The step before a new version of a service is started. It is refused as a whole, or done.
func ExampleDeploy() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{
		"released/Thing.v1.avsc": {Data: []byte(v1)},
		"Thing.avsc":             {Data: []byte(v1)},
	}}
	types := []event.Type{{Category: "Account", Name: "Thing", Go: reflect.TypeFor[a]()}}
	registry := schema.NewMemory() // or schema.HTTPFromEnv(os.Getenv, schema.HTTPConfig{})
	done, err := schema.Deploy(ctx, registry, sources, types, schema.FullTransitive, schema.Config{})
	fmt.Println(done[0].Subject, "version", done[0].Version, err)
	// Output: fencelog.account.events-billing.account.Thing version 1 <nil>
}

// Where the registry is comes from outside the program.
func ExampleHTTPFromEnv() {
	env := map[string]string{schema.EnvRegistryURL: "https://registry:8081"}
	registry, err := schema.HTTPFromEnv(func(name string) string { return env[name] }, schema.HTTPConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registry.Close()
	fmt.Println(registry.URL())
	// Output: https://registry:8081
}
