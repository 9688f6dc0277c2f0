package registry_test

import (
	"context"
	"fmt"
	"reflect"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// A change is checked against the files that were released, without a server.
func ExampleReleased() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{ // an embed.FS in a program
		"released/Thing.v1.avsc": {Data: []byte(v1)},
		"Thing.avsc":             {Data: []byte(v2)},
	}}
	released, err := registry.Released(ctx, sources, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	checked, err := registry.Check(ctx, released, sources, change.FullTransitive, schema.Config{})
	fmt.Println(checked[0].Latest, err)
	fmt.Println(checked[0].Unreleased())
	// Output:
	// 1 <nil>
	// Thing.avsc of Account is not released: copy it to released/Thing.v2.avsc, and keep that for ever
}

// Deploy is the step before a new version of a service starts. It is refused as a whole, or done.
func ExampleDeploy() {
	ctx := context.Background()
	sources := schema.Sources{"Account": fstest.MapFS{
		"released/Thing.v1.avsc": {Data: []byte(v1)},
		"Thing.avsc":             {Data: []byte(v1)},
	}}
	types := []event.Type{{Category: "Account", Name: "Thing", Go: reflect.TypeFor[a]()}}
	schemas := registry.NewMemory() // or registry.HTTPFromEnv(os.Getenv, registry.HTTPConfig{})
	done, err := registry.Deploy(ctx, schemas, sources, types, change.FullTransitive, schema.Config{})
	fmt.Println(done[0].Subject, "version", done[0].Version, err)
	// Output: fencelog.account.events-billing.account.Thing version 1 <nil>
}

// The environment says where the registry is.
func ExampleHTTPFromEnv() {
	env := map[string]string{registry.EnvURL: "https://registry:8081"}
	schemas, err := registry.HTTPFromEnv(func(name string) string { return env[name] }, registry.HTTPConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer schemas.Close()
	fmt.Println(schemas.URL())
	// Output: https://registry:8081
}
