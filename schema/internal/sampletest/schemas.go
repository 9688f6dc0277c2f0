package sampletest

import (
	"fmt"
	"reflect"
	"testing/fstest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

// Versions of the schema of an event Thing.
const (
	V1 = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"}]}`
	V2 = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"},{"name":"b","type":"long","default":0}]}`
	// V3 reads values of V2, and not those of V1.
	V3 = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"},{"name":"b","type":"long"}]}`
	// Bad has a new field without a default.
	Bad = `{"type":"record","name":"Thing","namespace":"billing.account","fields":[{"name":"a","type":"string"},{"name":"c","type":"long"}]}`
	// Spaced is V1 with other white space.
	Spaced = `{ "type": "record", "name": "Thing", "namespace": "billing.account",
	"fields": [ {"name": "a", "type": "string"} ] }`
)

// Names of samples.
const (
	Category     = "Account"
	ThingSubject = "fencelog.account.events-billing.account.Thing"
)

// A1 is the field of V1.
const A1 = `{"name":"a","type":"string"}`

// Type returns E as an event type of the category.
func Type[E any](name string) event.Type {
	return event.Type{Category: Category, Name: name, Go: reflect.TypeFor[E]()}
}

// Files returns sources with the schema files of the category, by their names.
func Files(texts map[string]string) schema.Sources {
	all := fstest.MapFS{}
	for name, text := range texts {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return schema.Sources{Category: all}
}

// Thing returns sources with one event type, called Thing.
func Thing(text string) schema.Sources { return Files(map[string]string{"Thing.avsc": text}) }

// Record returns the schema of billing.account.Thing with the given fields.
func Record(fields string) string {
	return `{"type":"record","name":"Thing","namespace":"billing.account","fields":[` + fields + `]}`
}

// Field returns a record with a field "a" of a type.
func Field(typ string) string { return Record(`{"name":"a","type":` + typ + `}`) }

// Optional returns an optional field. more is what else it has.
func Optional(name, more string) string {
	return fmt.Sprintf(`{"name":%q,"type":["null","string"],"default":null%s}`, name, more)
}

// Enum returns a record with a field "e" that is an enum. more is what else the enum has.
func Enum(symbols, more string) string {
	return Record(fmt.Sprintf(`{"name":"e","type":{"type":"enum","name":"E","symbols":[%s]%s}}`, symbols, more))
}
