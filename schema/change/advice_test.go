package change_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

// A schema that follows the gate's advice about a rule passes the gate.
func TestAdviceOfTheGateCanBeFollowed(t *testing.T) {
	t.Parallel()
	beside := func(old string) string {
		return record(old + `,{"name":"new","type":["null","string"],"default":null}`)
	}
	long := `{"name":"a","type":"long"}`
	for name, test := range map[string]struct{ old, next, says, followed string }{
		"a new field without default": {
			record(a1), record(a1 + "," + long2), "give it one",
			record(a1 + `,{"name":"b","type":"long","default":0}`),
		},
		"a field that went": {record(a1 + "," + long2), record(a1), "keep the field", record(a1 + "," + long2)},
		"another type": {
			record(long), record(a1), "add one of the new type beside it, with a default",
			beside(long),
		},
		"a lossy type": {
			record(long), record(`{"name":"a","type":"double"}`),
			"add one of the new type beside it, with a default", beside(long),
		},
		"another unit": {
			field(`{"type":"long","logicalType":"timestamp-millis"}`),
			field(`{"type":"long","logicalType":"timestamp-micros"}`),
			"add one of the new type beside it, with a default",
			beside(`{"name":"a","type":{"type":"long","logicalType":"timestamp-millis"}}`),
		},
		"a symbol too many": {enum(`"A"`, ""), enum(`"A","B"`, ""), "do without them", enum(`"A"`, "")},
		"a symbol too few": {
			enum(`"A","B"`, ""), enum(`"A"`, ""), "keep them, or give it a default",
			enum(`"A"`, `,"default":"A"`),
		},
		"a renamed field": {
			record(maybe("a", "")), record(maybe("z", `,"aliases":["a"]`)), "Keep the name",
			record(maybe("a", "") + "," + maybe("z", "")),
		},
		"a renamed type": {
			enum(`"A"`, ""), replaceOnce(t, enum(`"A"`, ""), `"name":"E"`, `"name":"F","aliases":["E"]`),
			"keep the name, as the Go type may have another one", enum(`"A"`, ""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			released := []schema.Registered{{Subject: "s", Version: 1, Text: test.old}}
			err := change.FullTransitive.Check("Thing.avsc", test.next, released)
			require.ErrorIs(t, err, schema.ErrIncompatible)
			require.ErrorContains(t, err, test.says)
			require.NoError(t, change.FullTransitive.Check("Thing.avsc", test.followed, released))
		})
	}
}

const long2 = `{"name":"b","type":"long"}`
