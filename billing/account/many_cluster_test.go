//go:build cluster

package account_test

import (
	"time"

	"github.com/fencelog/fencelog/aggregate"
)

// nothing is the state of aggregates whose events only others read.
type nothing struct{}

// many has a field of each kind that both Avro and this library have.
type many struct {
	Text  string            `avro:"text"`
	Kind  string            `avro:"kind"`
	Items []item            `avro:"items"`
	Tags  map[string]string `avro:"tags"`
	Ratio float64           `avro:"ratio"`
	Flag  bool              `avro:"flag"`
	Small int32             `avro:"small"`
	Least int64             `avro:"least"`
	At    time.Time         `avro:"at"`
	Maybe *string           `avro:"maybe"`
	Raw   []byte            `avro:"raw"`
}

type item struct {
	Name   string `avro:"name"`
	Amount int64  `avro:"amount"`
}

// The aggregate types that have no package yet have topics already. The test has one event of each.
type (
	transactionPosted many
	sagaStarted       many
)

var (
	_ aggregate.Event[nothing] = transactionPosted{}
	_ aggregate.Event[nothing] = sagaStarted{}
)

func (transactionPosted) EventType() string { return "TransactionPosted" }
func (transactionPosted) Apply(*nothing)    {}
func (sagaStarted) EventType() string       { return "SagaStarted" }
func (sagaStarted) Apply(*nothing)          {}

func manyTypes(name string) string {
	return `{"type": "record", "name": "` + name + `", "namespace": "kafkajs", "fields": [
		{"name": "text", "type": "string"},
		{"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["FIRST", "SECOND"]}},
		{"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
			{"name": "name", "type": "string"}, {"name": "amount", "type": "long"}]}}},
		{"name": "tags", "type": {"type": "map", "values": "string"}},
		{"name": "ratio", "type": "double"},
		{"name": "flag", "type": "boolean"},
		{"name": "small", "type": "int"},
		{"name": "least", "type": "long"},
		{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
		{"name": "maybe", "type": ["null", "string"]},
		{"name": "raw", "type": "bytes"}
	]}`
}
