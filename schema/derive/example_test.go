package derive_test

import (
	"fmt"
	"reflect"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema/derive"
)

// A schema is derived once, written to a file, and completed with documentation. From then on a
// test checks it against the Go type, with schematest.CheckDerived.
func ExampleSchema() {
	type AccountOpened struct {
		OwnerID  string    `avro:"ownerId" doc:"Who the account belongs to."`
		Currency string    `avro:"currency,default=EUR"`
		Limit    *int64    `avro:"limit"`
		At       time.Time `avro:"at,timestamp-millis"`
	}
	text, err := derive.Schema(event.Type{
		Category: "Account", Name: "AccountOpened",
		Go: reflect.TypeFor[AccountOpened](),
	}, "billing.account")
	fmt.Print(text, err)
	// Output:
	// {
	//   "type": "record",
	//   "name": "AccountOpened",
	//   "namespace": "billing.account",
	//   "fields": [
	//     {"name": "ownerId", "type": "string", "doc": "Who the account belongs to."},
	//     {"name": "currency", "type": "string", "default": "EUR"},
	//     {"name": "limit", "type": ["null", "long"], "default": null},
	//     {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
	//   ]
	// }
	// <nil>
}

// The file says what the Go type says; it may say more, such as documentation.
func ExampleCheck() {
	type Credited struct {
		Amount int64   `avro:"amount"`
		Note   *string `avro:"note"`
	}
	typ := event.Type{Category: "Account", Name: "Credited", Go: reflect.TypeFor[Credited]()}
	fmt.Println(derive.Check(typ, `{"type": "record", "name": "Credited", "namespace": "billing.account", "fields": [
		{"name": "amount", "type": "long", "doc": "In minor units."},
		{"name": "note", "type": ["null", "string"], "default": null}
	]}`))
	fmt.Println(derive.Check(typ, `{"type": "record", "name": "Credited", "namespace": "billing.account", "fields": [
		{"name": "amount", "type": "int"},
		{"name": "note", "type": ["null", "string"], "default": null}
	]}`))
	// Output:
	// <nil>
	// event type Account.Credited, Credited.avsc, field "amount": mismatch of Go type and schema: found int, expected long by the Go type
}

// Level is the level of a parcel. If a newer program writes a level that this one does not know,
// this one reads the first.
type Level string

// Symbols implements schema.Enum.
func (Level) Symbols() []string { return []string{"UNKNOWN", "NORMAL", "EXPRESS"} }

// A string type that names its values is stored as an enum.
func ExampleSchema_enum() {
	type Sent struct {
		Level Level `avro:"level"`
	}
	text, err := derive.Schema(event.Type{Category: "Parcel", Name: "Sent", Go: reflect.TypeFor[Sent]()}, "parcels")
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
