package change_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
)

// found returns what was found as "RULE field; …".
func found(err error) string {
	var e *change.IncompatibleError
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
	for _, c := range sampletest.Changes() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			released := []schema.Registered{{Subject: "the-subject", ID: 7, Version: 1, Text: c.Old}}
			both := strings.Trim(c.Backward+"; "+c.Forward, "; ")
			for level, want := range map[change.Compatibility]string{
				change.None: "", change.Backward: c.Backward, change.BackwardTransitive: c.Backward,
				change.Forward: c.Forward, change.ForwardTransitive: c.Forward,
				change.Full: both, change.FullTransitive: both,
			} {
				err := level.Check("Thing.avsc", c.Next, released)
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
			require.NoError(t, change.FullTransitive.Check("Thing.avsc", c.Old, released),
				"a schema gets along with itself")
		})
	}
}

func TestTransitiveLevelsNameTheVersion(t *testing.T) {
	t.Parallel()
	versions := []schema.Registered{{Subject: "s", Version: 1, Text: v1}, {Subject: "s", Version: 2, Text: v2}}
	require.NoError(t, change.Backward.Check("Thing.avsc", v3, versions))
	err := change.BackwardTransitive.Check("Thing.avsc", v3, versions)
	require.EqualError(t, err, `subject "s": not BACKWARD_TRANSITIVE`+"\n\t"+
		`field "b": READER_FIELD_MISSING_DEFAULT_VALUE: Thing.avsc cannot read what version 1 wrote: it is not there, `+
		`and Thing.avsc has no default for it: give it one`+
		"\n\t"+`where the meaning changes, make it a new event type and write an upcaster for the old one`)
}

func TestCheckRefusesWhatIsNoSchema(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, change.Full.Check("Thing.avsc", "{", nil), schema.ErrInvalidSchema)
	require.ErrorContains(t, change.Full.Check("Thing.avsc", "{", nil), "Thing.avsc")
	require.ErrorIs(t, change.Full.Check("Thing.avsc", v1, []schema.Registered{{Text: "{", Version: 3}}),
		schema.ErrInvalidSchema)
}

func TestRecursiveSchemas(t *testing.T) {
	t.Parallel()
	const tree = `{"type":"record","name":"Tree","namespace":"n","fields":[{"name":"v","type":"%s"},{"name":"left","type":["null","Tree"]}]}`
	released := []schema.Registered{{Version: 1, Text: fmt.Sprintf(tree, "int")}}
	require.NoError(t, change.Backward.Check("Tree.avsc", fmt.Sprintf(tree, "long"), released))
	require.Equal(t, "TYPE_MISMATCH v", found(change.Forward.Check("Tree.avsc", fmt.Sprintf(tree, "long"), released)))
}

func TestParseCompatibility(t *testing.T) {
	t.Parallel()
	for _, level := range change.Compatibilities() {
		parsed, err := change.ParseCompatibility(strings.ToLower(string(level)))
		require.NoError(t, err)
		require.Equal(t, level, parsed)
	}
	_, err := change.ParseCompatibility("sideways")
	require.ErrorContains(t, err, "FULL_TRANSITIVE")
}
