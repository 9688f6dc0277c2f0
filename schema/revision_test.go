package schema_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// past is Thing as revision 1 had it, for an upcaster.
func past() event.Type {
	typ := typeOf[a]("Thing")
	typ.Revision = 1
	return typ
}

func TestReadsAPastRevisionInItsOwnShape(t *testing.T) {
	t.Parallel()
	sources := tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2})
	m := registry.NewMemory()
	types := []event.Type{typeOf[ab]("Thing"), past()}
	done, err := registry.Register(t.Context(), m, sources, types, schema.Config{})
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{done[0].Version, done[1].Version})

	c, err := schema.NewCodec(m, sources, schema.Config{})
	require.NoError(t, err)
	require.NoError(t, c.Bind(t.Context(), types))
	old, oldType := bound[a](t, m, v1)
	value, revision, err := old.Encode(t.Context(), oldType, a{"x"})
	require.NoError(t, err)
	require.Equal(t, 1, revision)
	var asItWas a
	require.NoError(t, c.Decode(t.Context(), past(), value, &asItWas))
	require.Equal(t, a{"x"}, asItWas)
	var today ab
	require.NoError(t, c.Decode(t.Context(), types[0], value, &today))
	require.Equal(t, ab{"x", 0}, today)
}

func TestBindRefusesARegistryThatNumbersOtherwise(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	require.NoError(t, m.SetCompatibility(t.Context(), thingSubject, change.None))
	for _, text := range []string{v3, v1, v2} {
		_, err := m.Register(t.Context(), thingSubject, text)
		require.NoError(t, err)
	}
	sources := tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1})
	c, err := schema.NewCodec(m, sources, schema.Config{})
	require.NoError(t, err)
	err = c.Bind(t.Context(), []event.Type{typeOf[ab]("Thing"), past()})
	require.ErrorIs(t, err, schema.ErrMismatch)
	require.ErrorContains(t, err, "released/Thing.v1.avsc is, or would be, version 2")

	// The number is wrong without an upcaster, too: the revision of an event that is written now
	// would later choose the wrong one.
	younger := registry.NewMemory()
	_, err = younger.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	c, err = schema.NewCodec(younger,
		tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2}),
		schema.Config{})
	require.NoError(t, err)
	err = c.Bind(t.Context(), []event.Type{typeOf[ab]("Thing")})
	require.ErrorIs(t, err, schema.ErrMismatch)
	require.ErrorContains(t, err, "released/Thing.v2.avsc is, or would be, version 1")

	missing, err := schema.NewCodec(m, tree(map[string]string{"Thing.avsc": v2}), schema.Config{})
	require.NoError(t, err)
	err = missing.Bind(t.Context(), []event.Type{past()})
	require.ErrorIs(t, err, schema.ErrNoSchema)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "released/Thing.v1.avsc")
}

func TestServiceSaysEveryUnregisteredSchema(t *testing.T) {
	t.Parallel()
	c, err := schema.NewCodec(registry.NewMemory(), accountSources(), schema.Config{})
	require.NoError(t, err)
	err = c.Bind(t.Context(), []event.Type{created(), credited()})
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.ErrorContains(t, err, createdSubject)
	require.ErrorContains(t, err, creditedSubject)
}

// Stored values have no names of Go in them.
func TestRenamingGoTypesAndFieldsBreaksNothingStored(t *testing.T) {
	t.Parallel()
	type Renamed struct {
		Other int64  `avro:"b"`
		Name  string `avro:"a"`
	}
	got, err := transfer[ab, Renamed](t, registry.NewMemory(), v2, v2, ab{"x", 7})
	require.NoError(t, err)
	require.Equal(t, Renamed{7, "x"}, got)
}
