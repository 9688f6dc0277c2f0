package generic_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/fencelog/fencelog/schema/generic"
	"github.com/fencelog/fencelog/schema/registry"
)

// A tool shows an event whose Go type it does not have.
func ExampleDecoder_Decode() {
	ctx := context.Background()
	schemas := registry.NewMemory()
	_, err := schemas.Register(ctx, "account-AccountCreated",
		`{"type": "record", "name": "AccountCreated", "fields": [{"name": "owner", "type": "string"}]}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	value := []byte("\x00\x00\x00\x00\x01\x06Ada") // Confluent's wire format: zero, the schema's id, Avro
	record, err := generic.NewDecoder(schemas).Decode(ctx, value)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(record.Fields)
	fmt.Println(record.Name, string(text), err)
	// Output: AccountCreated {"owner":"Ada"} <nil>
}
