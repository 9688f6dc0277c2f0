package schema_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

//go:embed testdata/account/*.avsc
var files embed.FS

// The schemas are embedded, each in a file called like its event type. A deployment step registers them; the service
// only finds them.
func Example() {
	ctx := context.Background()
	account, err := fs.Sub(files, "testdata/account")
	if err != nil {
		fmt.Println(err)
		return
	}
	sources := schema.Sources{"Account": account}
	types := []event.Type{{Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountCreated]()}}
	registry := schema.NewMemory() // or schema.NewHTTP("http://registry:8081", schema.HTTPConfig{})

	if _, err := schema.Register(ctx, registry, sources, types, schema.Config{}); err != nil { // the deployment step
		fmt.Println(err)
		return
	}

	codec, err := schema.NewCodec(registry, sources, schema.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := codec.Bind(ctx, types); err != nil { // aggregate.NewRepository does this
		fmt.Println(err)
		return
	}
	e := AccountCreated{OwnerID: "user-1", OwnerType: "USER", AccountType: "USER", Currency: "USD", Exponent: 2}
	value, revision, err := codec.Encode(ctx, types[0], e)
	fmt.Printf("%x, revision %d, %v\n", value, revision, err)

	var back AccountCreated
	err = codec.Decode(ctx, types[0], value, &back)
	fmt.Println(back == e, err)
	// Output:
	// 00000000010c757365722d31020206555344040000, revision 1, <nil>
	// true <nil>
}

func ExampleTopicRecordNameStrategy() {
	fmt.Println(schema.TopicRecordNameStrategy("billing.account.events", "billing.account.AccountCreated"))
	fmt.Println(schema.TopicNameStrategy("billing.account.events", "billing.account.AccountCreated"))
	fmt.Println(schema.RecordNameStrategy("billing.account.events", "billing.account.AccountCreated"))
	// Output:
	// billing.account.events-billing.account.AccountCreated
	// billing.account.events-value
	// billing.account.AccountCreated
}

func ExampleMemory() {
	ctx := context.Background()
	registry := schema.NewMemory()
	const subject = "billing.account.events-billing.account.Renamed"
	first, err := registry.Register(ctx, subject,
		`{"type":"record","name":"Renamed","namespace":"billing.account","fields":[{"name":"name","type":"string"}]}`)
	fmt.Println(first.ID, first.Version, err)
	_, err = registry.Register(ctx, subject,
		`{"type":"record","name":"Renamed","namespace":"billing.account","fields":[{"name":"title","type":"string"}]}`)
	fmt.Println(errors.Is(err, schema.ErrIncompatible))
	// Output:
	// 1 1 <nil>
	// true
}

// An HTTP registry makes no request before it is asked something, so a wrong URL shows in the first answer.
func ExampleNewHTTP() {
	_, err := schema.NewHTTP("registry:8081", schema.HTTPConfig{})
	fmt.Println(err)
	registry, err := schema.NewHTTP("https://registry:8081/", schema.HTTPConfig{Username: "service", Password: "secret"})
	fmt.Println(registry.URL(), err)
	// Output:
	// schema registry: found the URL "registry:8081"; expected http or https, a host, perhaps a path, and nothing else, such as http://registry:8081
	// https://registry:8081 <nil>
}
