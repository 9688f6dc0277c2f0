package sampletest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/schema/change"
)

// Change is a change that people make to a schema.
type Change struct {
	Name      string
	Old, Next string
	Backward  string // why Next cannot read old values, as "RULE field; …"
	Forward   string // why Old cannot read new values
	gate      bool   // only the check finds it, but for a change of type; Avro, and so a registry, allows it
}

// AvroAllows reports whether Avro, and so a registry, allows a change that the check refuses for
// the reason.
func (c Change) AvroAllows(reason string) bool {
	return c.gate && !strings.HasPrefix(reason, string(change.RuleType)) &&
		!strings.HasPrefix(reason, string(change.RuleUnionBranch))
}

const noDefault = "READER_FIELD_MISSING_DEFAULT_VALUE "

// Changes returns changes of each kind.
func Changes() []Change {
	return slices.Concat(changesOfFields(), promotions(), changesOfEnumsAndUnions(), changesOfMeaning(),
		changesOfNestedTypes(), changesOfNames())
}

func changesOfFields() []Change {
	return []Change{
		{
			"add a field with a default", Record(A1), Record(A1 + `,{"name":"b","type":"long","default":0}`), "", "",
			false,
		},
		{
			"add a field without a default", Record(A1), Record(A1 + `,{"name":"b","type":"long"}`), noDefault + "b", "",
			false,
		},
		{
			"add an optional field without a default", Record(A1), Record(A1 + `,{"name":"b","type":["null","long"]}`),
			noDefault + "b", "", false,
		},
		{
			"remove a field with a default", Record(A1 + `,{"name":"b","type":"long","default":0}`), Record(A1), "", "",
			false,
		},
		{
			"remove a field without a default", Record(A1 + `,{"name":"b","type":"long"}`), Record(A1), "",
			noDefault + "b", false,
		},
		{"rename a field", Record(A1), Record(`{"name":"z","type":"string"}`), noDefault + "z", noDefault + "a", false},
		{
			"rename a field with an alias", Record(A1), Record(`{"name":"z","type":"string","aliases":["a"]}`), "",
			"FIELD_RENAMED a", false,
		},
		{
			"swap two fields", Record(A1 + `,{"name":"b","type":"int"}`), Record(`{"name":"b","type":"int"},` + A1), "",
			"", false,
		},
		{
			"an alias that is taken", Record(A1 + `,{"name":"z","type":"string"}`),
			Record(`{"name":"z","type":"string","aliases":["a"]}`),
			"ALIAS_COLLISION z", noDefault + "a", false,
		},
		{
			"change a default", Record(A1 + `,{"name":"b","type":"long","default":0}`),
			Record(A1 + `,{"name":"b","type":"long","default":1}`), "", "", false,
		},
		{
			"rename an optional field with an alias", Record(Optional("a", "")),
			Record(Optional("z", `,"aliases":["a"]`)),
			"", "FIELD_RENAMED a", true,
		},
		{
			"rename a nested field with an alias",
			Record(`{"name":"n","type":{"type":"array","items":{"type":"record","name":"N","fields":[` +
				Optional("a", "") + `]}}}`),
			Record(`{"name":"n","type":{"type":"array","items":{"type":"record","name":"N","fields":[` +
				Optional("z", `,"aliases":["a"]`) + `]}}}`),
			"", "FIELD_RENAMED n[].a", true,
		},
		{
			"an alias for what comes", Record(Optional("a", "")), Record(Optional("a", `,"aliases":["z"]`)), "", "",
			false,
		},
	}
}

func promotions() []Change {
	return []Change{
		{"widen int to long", Field(`"int"`), Field(`"long"`), "", "TYPE_MISMATCH a", false},
		{"narrow long to int", Field(`"long"`), Field(`"int"`), "TYPE_MISMATCH a", "", false},
		{"widen float to double", Field(`"float"`), Field(`"double"`), "", "TYPE_MISMATCH a", false},
		{"long to string", Field(`"long"`), Field(`"string"`), "TYPE_MISMATCH a", "TYPE_MISMATCH a", false},
		{"string to bytes", Field(`"string"`), Field(`"bytes"`), "", "LOSSY_PROMOTION a", true},
		{"long to double", Field(`"long"`), Field(`"double"`), "LOSSY_PROMOTION a", "TYPE_MISMATCH a", true},
		{"int to double", Field(`"int"`), Field(`"double"`), "", "TYPE_MISMATCH a", false},
		{
			"int to float", Field(`["null","int"]`), Field(`["null","float"]`), "LOSSY_PROMOTION a",
			"MISSING_UNION_BRANCH a", true,
		},
		{
			"a day becomes a long", Field(`{"type":"int","logicalType":"date"}`),
			Field(`{"type":"long","logicalType":"date"}`),
			"LOGICAL_TYPE_MISMATCH a", "TYPE_MISMATCH a", true,
		},
	}
}

func changesOfEnumsAndUnions() []Change {
	const withDefault = `,"default":"A"`
	return []Change{
		{"reorder an enum", Enum(`"A","B"`, ""), Enum(`"B","A"`, ""), "", "", false},
		{"add a symbol", Enum(`"A"`, ""), Enum(`"A","B","C"`, ""), "", "MISSING_ENUM_SYMBOLS e", false},
		{
			"add a symbol to an enum with a default", Enum(`"A"`, withDefault), Enum(`"A","B"`, withDefault), "", "",
			false,
		},
		{"remove a symbol", Enum(`"A","B"`, ""), Enum(`"A"`, ""), "MISSING_ENUM_SYMBOLS e", "", false},
		{
			"remove a symbol of an enum with a default", Enum(`"A","B"`, withDefault), Enum(`"A"`, withDefault), "", "",
			false,
		},
		{
			"rename an enum", Enum(`"A"`, ""), strings.ReplaceAll(Enum(`"A"`, ""), `"E"`, `"F"`), "NAME_MISMATCH e",
			"NAME_MISMATCH e", false,
		},
		{"make a field optional", Field(`"long"`), Field(`["null","long"]`), "", "TYPE_MISMATCH a", false},
		{"make an optional field required", Field(`["null","long"]`), Field(`"long"`), "TYPE_MISMATCH a", "", false},
		{
			"add a type to a union", Field(`["null","long"]`), Field(`["null","long","string"]`), "",
			"MISSING_UNION_BRANCH a", false,
		},
		{
			"remove a type from a union", Field(`["null","long","string"]`), Field(`["null","long"]`),
			"MISSING_UNION_BRANCH a", "", false,
		},
		{
			"widen within a union", Field(`["null","int"]`), Field(`["null","long"]`), "", "MISSING_UNION_BRANCH a",
			false,
		},
		{"reorder a union", Field(`["null","long"]`), Field(`["long","null"]`), "", "", false},
	}
}

func changesOfMeaning() []Change {
	return []Change{
		{
			"millis to micros", Field(`{"type":"long","logicalType":"timestamp-millis"}`),
			Field(`{"type":"long","logicalType":"timestamp-micros"}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
		{
			"long becomes a timestamp", Field(`"long"`), Field(`{"type":"long","logicalType":"timestamp-millis"}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
		{
			"string becomes a uuid", Field(`"string"`), Field(`{"type":"string","logicalType":"uuid"}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
		{
			"another scale", Field(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`),
			Field(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
	}
}

func changesOfNestedTypes() []Change {
	const nestedOf = `{"name":"n","type":{"type":"record","name":"N","fields":[{"name":"x","type":"string"}%s]}}`
	return []Change{
		{
			"add a nested field with a default", Record(fmt.Sprintf(nestedOf, "")),
			Record(fmt.Sprintf(nestedOf, `,{"name":"y","type":"int","default":1}`)), "", "", false,
		},
		{
			"add a nested field without a default", Record(fmt.Sprintf(nestedOf, "")),
			Record(fmt.Sprintf(nestedOf, `,{"name":"y","type":"int"}`)), noDefault + "n.y", "", false,
		},
		{
			"array items narrowed", Field(`{"type":"array","items":"long"}`), Field(`{"type":"array","items":"int"}`),
			"TYPE_MISMATCH a[]", "", false,
		},
		{
			"map values narrowed", Field(`{"type":"map","values":"long"}`), Field(`{"type":"map","values":"int"}`),
			"TYPE_MISMATCH a{}", "", false,
		},
		{
			"another fixed size", Field(`{"type":"fixed","name":"F","size":4}`),
			Field(`{"type":"fixed","name":"F","size":8}`), "FIXED_SIZE_MISMATCH a", "FIXED_SIZE_MISMATCH a", false,
		},
	}
}

func changesOfNames() []Change {
	const named = `{"name":"a","type":{"type":"record","name":"In","fields":[{"name":"x","type":"string"}]}}`
	return []Change{
		{
			"another namespace", Record(A1), strings.ReplaceAll(Record(A1), "billing.account", "billing.ledger"),
			"NAME_MISMATCH ", "NAME_MISMATCH ", true,
		},
		{
			"another namespace with an alias", Record(A1),
			strings.ReplaceAll(Record(A1), `"namespace":"billing.account"`,
				`"namespace":"billing.ledger","aliases":["billing.account.Thing"]`),
			"", "NAME_MISMATCH ", true,
		},
		{
			"another spelling of a name that others refer to", Record(named + `,{"name":"b","type":"In"}`),
			strings.ReplaceAll(Record(named+`,{"name":"b","type":"In"}`),
				`"name":"Thing","namespace":"billing.account"`, `"name":"billing.account.Thing"`), "", "", false,
		},
		{
			"another name", Record(A1), strings.ReplaceAll(Record(A1), "Thing", "Item"), "NAME_MISMATCH ",
			"NAME_MISMATCH ", false,
		},
		{
			"another name with an alias", Record(A1),
			strings.ReplaceAll(Record(A1), `"Thing"`, `"Item","aliases":["Thing"]`), "", "NAME_MISMATCH ", false,
		},
		{"documentation", Record(A1), Record(`{"name":"a","type":"string","doc":"What it is."}`), "", "", false},
		{
			"two things at once", Record(A1 + `,{"name":"b","type":"long"}`),
			Record(`{"name":"b","type":"int"},{"name":"c","type":"int"}`),
			"TYPE_MISMATCH b; " + noDefault + "c", noDefault + "a", false,
		},
	}
}
