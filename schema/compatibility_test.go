package schema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

// change is something that people do to a schema.
type change struct {
	name      string
	old, next string
	backward  string // what keeps next from reading old data, as "RULE field; …"
	forward   string // what keeps old from reading new data
	// gate: only the gate finds it, but for a type that does not go with the other. Avro, and so a registry, takes it.
	gate bool
}

// isOnlyTheGates reports whether Avro, and so a registry, takes what the gate refuses for the reason.
func (c change) isOnlyTheGates(reason string) bool {
	return c.gate && !strings.HasPrefix(reason, string(schema.RuleType)) && !strings.HasPrefix(reason, string(schema.RuleUnionBranch))
}

const (
	enumOf    = `{"name":"e","type":{"type":"enum","name":"E","symbols":[%s]%s}}`
	nestedOf  = `{"name":"n","type":{"type":"record","name":"N","fields":[{"name":"x","type":"string"}%s]}}`
	a1        = `{"name":"a","type":"string"}`
	noDefault = "READER_FIELD_MISSING_DEFAULT_VALUE "
)

// maybe is a field that is optional.
func maybe(name, more string) string {
	return fmt.Sprintf(`{"name":%q,"type":["null","string"],"default":null%s}`, name, more)
}

func field(kind string) string { return record(`{"name":"a","type":` + kind + `}`) }

func enum(symbols, more string) string { return record(fmt.Sprintf(enumOf, symbols, more)) }

func changes() []change {
	const withDefault = `,"default":"A"`
	const named = `{"name":"a","type":{"type":"record","name":"In","fields":[{"name":"x","type":"string"}]}}`
	return []change{
		{"add a field with a default", record(a1), record(a1 + `,{"name":"b","type":"long","default":0}`), "", "", false},
		{"add a field without a default", record(a1), record(a1 + `,{"name":"b","type":"long"}`), noDefault + "b", "", false},
		{"add an optional field without a default", record(a1), record(a1 + `,{"name":"b","type":["null","long"]}`), noDefault + "b", "", false},
		{"remove a field with a default", record(a1 + `,{"name":"b","type":"long","default":0}`), record(a1), "", "", false},
		{"remove a field without a default", record(a1 + `,{"name":"b","type":"long"}`), record(a1), "", noDefault + "b", false},
		{"rename a field", record(a1), record(`{"name":"z","type":"string"}`), noDefault + "z", noDefault + "a", false},
		{"rename a field with an alias", record(a1), record(`{"name":"z","type":"string","aliases":["a"]}`), "", "FIELD_RENAMED a", false},
		{"swap two fields", record(a1 + `,{"name":"b","type":"int"}`), record(`{"name":"b","type":"int"},` + a1), "", "", false},
		{
			"an alias that is taken", record(a1 + `,{"name":"z","type":"string"}`), record(`{"name":"z","type":"string","aliases":["a"]}`),
			"ALIAS_COLLISION z", noDefault + "a", false,
		},
		{"change a default", record(a1 + `,{"name":"b","type":"long","default":0}`), record(a1 + `,{"name":"b","type":"long","default":1}`), "", "", false},
		{"widen int to long", field(`"int"`), field(`"long"`), "", "TYPE_MISMATCH a", false},
		{"narrow long to int", field(`"long"`), field(`"int"`), "TYPE_MISMATCH a", "", false},
		{"widen float to double", field(`"float"`), field(`"double"`), "", "TYPE_MISMATCH a", false},
		{"long to string", field(`"long"`), field(`"string"`), "TYPE_MISMATCH a", "TYPE_MISMATCH a", false},
		{"string to bytes", field(`"string"`), field(`"bytes"`), "", "LOSSY_PROMOTION a", true},
		{
			"rename an optional field with an alias", record(maybe("a", "")), record(maybe("z", `,"aliases":["a"]`)),
			"", "FIELD_RENAMED a", true,
		},
		{
			"rename a nested field with an alias", record(`{"name":"n","type":{"type":"array","items":{"type":"record","name":"N","fields":[` + maybe("a", "") + `]}}}`),
			record(`{"name":"n","type":{"type":"array","items":{"type":"record","name":"N","fields":[` + maybe("z", `,"aliases":["a"]`) + `]}}}`),
			"", "FIELD_RENAMED n[].a", true,
		},
		{"an alias for what comes", record(maybe("a", "")), record(maybe("a", `,"aliases":["z"]`)), "", "", false},
		{"long to double", field(`"long"`), field(`"double"`), "LOSSY_PROMOTION a", "TYPE_MISMATCH a", true},
		{"int to double", field(`"int"`), field(`"double"`), "", "TYPE_MISMATCH a", false},
		{"int to float", field(`["null","int"]`), field(`["null","float"]`), "LOSSY_PROMOTION a", "MISSING_UNION_BRANCH a", true},
		{
			"a day becomes a long", field(`{"type":"int","logicalType":"date"}`), field(`{"type":"long","logicalType":"date"}`),
			"LOGICAL_TYPE_MISMATCH a", "TYPE_MISMATCH a", true,
		},
		{"reorder an enum", enum(`"A","B"`, ""), enum(`"B","A"`, ""), "", "", false},
		{"add a symbol", enum(`"A"`, ""), enum(`"A","B","C"`, ""), "", "MISSING_ENUM_SYMBOLS e", false},
		{"add a symbol to an enum with a default", enum(`"A"`, withDefault), enum(`"A","B"`, withDefault), "", "", false},
		{"remove a symbol", enum(`"A","B"`, ""), enum(`"A"`, ""), "MISSING_ENUM_SYMBOLS e", "", false},
		{"remove a symbol of an enum with a default", enum(`"A","B"`, withDefault), enum(`"A"`, withDefault), "", "", false},
		{"rename an enum", enum(`"A"`, ""), strings.ReplaceAll(enum(`"A"`, ""), `"E"`, `"F"`), "NAME_MISMATCH e", "NAME_MISMATCH e", false},
		{"make a field optional", field(`"long"`), field(`["null","long"]`), "", "TYPE_MISMATCH a", false},
		{"make an optional field required", field(`["null","long"]`), field(`"long"`), "TYPE_MISMATCH a", "", false},
		{"add a type to a union", field(`["null","long"]`), field(`["null","long","string"]`), "", "MISSING_UNION_BRANCH a", false},
		{"remove a type from a union", field(`["null","long","string"]`), field(`["null","long"]`), "MISSING_UNION_BRANCH a", "", false},
		{"widen within a union", field(`["null","int"]`), field(`["null","long"]`), "", "MISSING_UNION_BRANCH a", false},
		{"reorder a union", field(`["null","long"]`), field(`["long","null"]`), "", "", false},
		{
			"millis to micros", field(`{"type":"long","logicalType":"timestamp-millis"}`), field(`{"type":"long","logicalType":"timestamp-micros"}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
		{
			"long becomes a timestamp", field(`"long"`), field(`{"type":"long","logicalType":"timestamp-millis"}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
		{"string becomes a uuid", field(`"string"`), field(`{"type":"string","logicalType":"uuid"}`), "LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true},
		{
			"another scale", field(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`), field(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`),
			"LOGICAL_TYPE_MISMATCH a", "LOGICAL_TYPE_MISMATCH a", true,
		},
		{"add a nested field with a default", record(fmt.Sprintf(nestedOf, "")), record(fmt.Sprintf(nestedOf, `,{"name":"y","type":"int","default":1}`)), "", "", false},
		{"add a nested field without a default", record(fmt.Sprintf(nestedOf, "")), record(fmt.Sprintf(nestedOf, `,{"name":"y","type":"int"}`)), noDefault + "n.y", "", false},
		{"array items narrowed", field(`{"type":"array","items":"long"}`), field(`{"type":"array","items":"int"}`), "TYPE_MISMATCH a[]", "", false},
		{"map values narrowed", field(`{"type":"map","values":"long"}`), field(`{"type":"map","values":"int"}`), "TYPE_MISMATCH a{}", "", false},
		{"another fixed size", field(`{"type":"fixed","name":"F","size":4}`), field(`{"type":"fixed","name":"F","size":8}`), "FIXED_SIZE_MISMATCH a", "FIXED_SIZE_MISMATCH a", false},
		{"another namespace", record(a1), strings.ReplaceAll(record(a1), "billing.account", "billing.ledger"), "NAME_MISMATCH ", "NAME_MISMATCH ", true},
		{
			"another namespace with an alias", record(a1), strings.ReplaceAll(record(a1), `"namespace":"billing.account"`, `"namespace":"billing.ledger","aliases":["billing.account.Thing"]`),
			"", "NAME_MISMATCH ", true,
		},
		{
			"another spelling of a name that others refer to", record(named + `,{"name":"b","type":"In"}`),
			strings.ReplaceAll(record(named+`,{"name":"b","type":"In"}`), `"name":"Thing","namespace":"billing.account"`, `"name":"billing.account.Thing"`), "", "", false,
		},
		{"another name", record(a1), strings.ReplaceAll(record(a1), "Thing", "Item"), "NAME_MISMATCH ", "NAME_MISMATCH ", false},
		{"another name with an alias", record(a1), strings.ReplaceAll(record(a1), `"Thing"`, `"Item","aliases":["Thing"]`), "", "NAME_MISMATCH ", false},
		{"documentation", record(a1), record(`{"name":"a","type":"string","doc":"What it is."}`), "", "", false},
		{
			"two things at once", record(a1 + `,{"name":"b","type":"long"}`), record(`{"name":"b","type":"int"},{"name":"c","type":"int"}`),
			"TYPE_MISMATCH b; " + noDefault + "c", noDefault + "a", false,
		},
	}
}

// found returns what was found as "RULE field; …".
func found(err error) string {
	var e *schema.IncompatibleError
	if !errors.As(err, &e) {
		return ""
	}
	all := make([]string, len(e.Found))
	for i, f := range e.Found {
		all[i] = string(f.Rule) + " " + f.Field
	}
	return strings.Join(all, "; ")
}

func TestGateOnChanges(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			released := []schema.Registered{{Subject: "the-subject", ID: 7, Version: 1, Text: c.old}}
			both := strings.Trim(c.backward+"; "+c.forward, "; ")
			for level, want := range map[schema.Compatibility]string{
				schema.None: "", schema.Backward: c.backward, schema.BackwardTransitive: c.backward,
				schema.Forward: c.forward, schema.ForwardTransitive: c.forward,
				schema.Full: both, schema.FullTransitive: both,
			} {
				err := level.Check("Thing.avsc", c.next, released)
				require.Equal(t, strings.TrimSpace(want), strings.TrimSpace(found(err)), "%s: %v", level, err)
				if want == "" {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, schema.ErrIncompatible)
				for _, part := range []string{"the-subject", "Thing.avsc", "version 1", string(level)} {
					require.ErrorContains(t, err, part)
				}
			}
			require.NoError(t, schema.FullTransitive.Check("Thing.avsc", c.old, released), "a schema gets along with itself")
		})
	}
}

// testChanges checks that a registry judges the changes as the table says, but for those that differ, by "name LEVEL".
func testChanges(t *testing.T, r schema.Registry, prefix string, differ map[string]string) {
	t.Helper()
	found := make(map[string]string)
	for _, c := range changes() {
		for level, reason := range map[schema.Compatibility]string{schema.Backward: c.backward, schema.Forward: c.forward} {
			subject := prefix + "-" + c.name + "-" + string(level)
			require.NoError(t, r.SetCompatibility(t.Context(), subject, level))
			_, err := r.Register(t.Context(), subject, c.old)
			require.NoError(t, err, subject)
			_, err = r.Register(t.Context(), subject, c.next)
			want, got := answer(nil), answer(err)
			if reason != "" && !c.isOnlyTheGates(reason) {
				want = answer(schema.ErrIncompatible)
			}
			if got != want {
				found[c.name+" "+string(level)] = got
			}
		}
	}
	require.Equal(t, differ, found)
}

func answer(err error) string {
	switch {
	case err == nil:
		return "takes it"
	case errors.Is(err, schema.ErrIncompatible):
		return "incompatible"
	case errors.Is(err, schema.ErrInvalidSchema):
		return "invalid"
	}
	return err.Error()
}

func TestTransitiveLevelsNameTheVersion(t *testing.T) {
	t.Parallel()
	versions := []schema.Registered{{Subject: "s", Version: 1, Text: v1}, {Subject: "s", Version: 2, Text: v2}}
	require.NoError(t, schema.Backward.Check("Thing.avsc", v3, versions))
	err := schema.BackwardTransitive.Check("Thing.avsc", v3, versions)
	require.EqualError(t, err, `subject "s": not BACKWARD_TRANSITIVE`+"\n\t"+
		`field "b": READER_FIELD_MISSING_DEFAULT_VALUE: Thing.avsc cannot read what version 1 wrote: it is not there, and Thing.avsc has no default for it: give it one`+
		"\n\t"+`where the meaning changes, make it a new event type and write an upcaster for the old one`)
}

func TestCheckRefusesWhatIsNoSchema(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, schema.Full.Check("Thing.avsc", "{", nil), schema.ErrInvalidSchema)
	require.ErrorContains(t, schema.Full.Check("Thing.avsc", "{", nil), "Thing.avsc")
	require.ErrorIs(t, schema.Full.Check("Thing.avsc", v1, []schema.Registered{{Text: "{", Version: 3}}), schema.ErrInvalidSchema)
}

func TestRecursiveSchemas(t *testing.T) {
	t.Parallel()
	const tree = `{"type":"record","name":"Tree","namespace":"n","fields":[{"name":"v","type":"%s"},{"name":"left","type":["null","Tree"]}]}`
	released := []schema.Registered{{Version: 1, Text: fmt.Sprintf(tree, "int")}}
	require.NoError(t, schema.Backward.Check("Tree.avsc", fmt.Sprintf(tree, "long"), released))
	require.Equal(t, "TYPE_MISMATCH v", found(schema.Forward.Check("Tree.avsc", fmt.Sprintf(tree, "long"), released)))
}

func TestParseCompatibility(t *testing.T) {
	t.Parallel()
	for _, level := range schema.Compatibilities() {
		parsed, err := schema.ParseCompatibility(strings.ToLower(string(level)))
		require.NoError(t, err)
		require.Equal(t, level, parsed)
	}
	_, err := schema.ParseCompatibility("sideways")
	require.ErrorContains(t, err, "FULL_TRANSITIVE")
}
