package schema_test

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

//go:embed testdata/account/*.avsc
var files embed.FS

// The schemas are embedded, each in a file called like its event type. A deployment step registers
// them; the service only finds them.
func Example() {
	ctx := context.Background()
	account, err := fs.Sub(files, "testdata/account")
	if err != nil {
		fmt.Println(err)
		return
	}
	sources := schema.Sources{"Account": account}
	types := []event.Type{{Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountCreated]()}}
	schemas := registry.NewMemory() // or registry.NewHTTP("http://registry:8081", registry.HTTPConfig{})

	if _, err := registry.Register(ctx, schemas, sources, types, schema.Config{}); err != nil { // the deployment step
		fmt.Println(err)
		return
	}

	codec, err := schema.NewCodec(schemas, sources, schema.Config{})
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
