package schema_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

// The deployment step: the service that starts afterwards only finds the schemas.
func ExampleRegister() {
	ctx := context.Background()
	account, err := fs.Sub(files, "testdata/account")
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := schema.NewMemory() // or schema.NewHTTP("https://registry:8081", schema.HTTPConfig{})
	types := []event.Type{{Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountCreated]()}}
	done, err := schema.Register(ctx, registry, schema.Sources{"Account": account}, types, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done[0].Subject, "version", done[0].Version)
	// Output: fencelog.account.events-billing.account.AccountCreated version 1
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
	folder, err := schema.OpenFolder(dir)
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
	folder, err := schema.NewFolder(fstest.MapFS{"the-subject/v1.avsc": {Data: []byte(v1)}}) // usually an embed.FS
	if err != nil {
		fmt.Println(err)
		return
	}
	latest, err := folder.Latest(ctx, "the-subject")
	fmt.Println(latest.Version, err)
	_, err = folder.Register(ctx, "the-subject", v2)
	fmt.Println(errors.Is(err, schema.ErrRefused))
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
	released, err := schema.Released(ctx, sources, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = schema.Check(ctx, released, sources, schema.FullTransitive, schema.Config{})
	var incompatible *schema.IncompatibleError
	if errors.As(err, &incompatible) {
		for _, i := range incompatible.Found {
			fmt.Println(i)
		}
	}
	// Output: field "c": READER_FIELD_MISSING_DEFAULT_VALUE: Thing.avsc cannot read what version 1 wrote: it is not there, and Thing.avsc has no default for it: give it one
}

func ExampleCompatibility_Check() {
	released := []schema.Registered{{Subject: "the-subject", Version: 1, Text: v2}}
	fmt.Println(schema.Backward.Check("Thing.avsc", v1, released))
	// Output: <nil>
}
