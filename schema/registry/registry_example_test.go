package registry_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// The deployment step: the service that starts afterwards only looks the schemas up.
func ExampleRegister() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{"Thing.avsc": {Data: []byte(v1)}}} // usually an embed.FS
	types := []event.Type{{Category: "Account", Name: "Thing", Go: reflect.TypeFor[a]()}}
	schemas := registry.NewMemory() // or registry.NewHTTP("https://registry:8081", registry.HTTPConfig{})
	done, err := registry.Register(ctx, schemas, sources, types, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done[0].Subject, "version", done[0].Version)
	// Output: fencelog.account.events-billing.account.Thing version 1
}

// A program that keeps its registry in memory has a codec that registers what it binds.
func ExampleNewCodec() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{"Thing.avsc": {Data: []byte(v1)}}} // usually an embed.FS
	codec, err := registry.NewCodec(registry.NewMemory(), sources, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	thing := event.Type{Category: "Account", Name: "Thing", Go: reflect.TypeFor[a]()}
	if err := codec.Bind(ctx, []event.Type{thing}); err != nil { // aggregate.NewRepository does this
		fmt.Println(err)
		return
	}
	value, revision, err := codec.Encode(ctx, thing, a{"x"})
	fmt.Printf("%x, revision %d, %v\n", value, revision, err)
	// Output: 00000000010278, revision 1, <nil>
}

// A folder is a registry that is committed with the program.
func ExampleOpenFolder() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "schemas")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	folder, err := registry.OpenFolder(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	const subject = "fencelog.account.events-billing.account.Thing"
	is, err := folder.Register(ctx, subject, v1)
	fmt.Println(is.ID, is.Version, err)
	written, err := os.ReadFile(dir + "/" + subject + "/v1.avsc")
	fmt.Println(string(written) == v1+"\n", err)
	// Output:
	// 24420917 1 <nil>
	// true <nil>
}

// An embedded folder is read only.
func ExampleNewFolder() {
	ctx := context.Background()
	folder, err := registry.NewFolder(fstest.MapFS{"the-subject/v1.avsc": {Data: []byte(v1)}}) // usually an embed.FS
	if err != nil {
		fmt.Println(err)
		return
	}
	latest, err := folder.Latest(ctx, "the-subject")
	fmt.Println(latest.Version, err)
	_, err = folder.Register(ctx, "the-subject", v2)
	fmt.Println(errors.Is(err, registry.ErrRefused))
	// Output:
	// 1 <nil>
	// true
}

// The gate compares the schema files with the released ones beside them.
func ExampleCheck() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{
		"Thing.avsc":             {Data: []byte(bad)},
		"released/Thing.v1.avsc": {Data: []byte(v1)},
	}}
	released, err := registry.Released(ctx, sources, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = registry.Check(ctx, released, sources, change.FullTransitive, schema.Config{})
	var incompatible *change.IncompatibleError
	if errors.As(err, &incompatible) {
		for _, i := range incompatible.Found {
			fmt.Println(i)
		}
	}
	// Output:
	// field "c": READER_FIELD_MISSING_DEFAULT_VALUE: Thing.avsc cannot read what version 1 wrote: it is not there, and Thing.avsc has no default for it: give it one
}

func ExampleMemory() {
	ctx := context.Background()
	schemas := registry.NewMemory()
	const subject = "billing.account.events-billing.account.Renamed"
	first, err := schemas.Register(ctx, subject,
		`{"type":"record","name":"Renamed","namespace":"billing.account","fields":[{"name":"name","type":"string"}]}`)
	fmt.Println(first.ID, first.Version, err)
	_, err = schemas.Register(ctx, subject,
		`{"type":"record","name":"Renamed","namespace":"billing.account","fields":[{"name":"title","type":"string"}]}`)
	fmt.Println(errors.Is(err, schema.ErrIncompatible))
	// Output:
	// 1 1 <nil>
	// true
}

// An HTTP registry makes no request before it is asked something, so a wrong URL shows in the first
// answer.
func ExampleNewHTTP() {
	_, err := registry.NewHTTP("registry:8081", registry.HTTPConfig{})
	fmt.Println(err)
	schemas, err := registry.NewHTTP("https://registry:8081/",
		registry.HTTPConfig{Username: "service", Password: "secret"})
	fmt.Println(schemas.URL(), err)
	// Output:
	// schema registry: found the URL "registry:8081"; expected http or https, a host, perhaps a path, and nothing else, such as http://registry:8081
	// https://registry:8081 <nil>
}
