package hamba_test

import (
	"testing"

	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/schematest"
)

func refusals() schematest.Refusals {
	const (
		decimal    = "cuts off the digits of a decimal"
		local      = "shifts a local timestamp by the time zone"
		date       = "takes a time before 1970 for the day after"
		millis     = "cuts off what is beyond 32 bits"
		optional   = "cannot read into an optional what was not one"
		nullInside = "no default that has a null within"
		recursion  = "does not end when it resolves that"
	)
	return schematest.Refusals{
		"decimal": decimal,
		"encodes no decimal with more digits than its scale": decimal,

		"timestamp-nanos":                     "knows this logical type not as a time",
		"local-timestamp-micros":              local,
		"date":                                date,
		"takes the day of a time before 1970": date,
		"time-millis":                         millis,
		"encodes no duration beyond what the schema can say": millis,
		"time-micros as a number":                            "takes the number for nanoseconds",
		"text of a type with methods on its pointer":         "MarshalText on its pointer",

		"reads an old union of three types as an optional": "two types of a union as one, long",

		"makes a field optional":                     optional,
		"makes a field optional, null last":          optional,
		"makes a field optional and widens it":       optional,
		"adds a record with default":                 nullInside,
		"adds fields of all kinds with defaults":     nullInside,
		"removes a field that is a recursive record": recursion,
		"adds a field beside a recursive record":     recursion,
	}
}

func TestEngine(t *testing.T) { //nolint:paralleltest // the suite measures
	schematest.TestEngine(t, hamba.Engine{}, refusals())
}

func FuzzDecode(f *testing.F) { schematest.FuzzEngine(f, hamba.Engine{}) }
