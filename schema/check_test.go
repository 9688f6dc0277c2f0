package schema_test

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

// tree returns the schema files of the Account aggregate by their names.
func tree(files map[string]string) schema.Sources {
	all := fstest.MapFS{}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return schema.Sources{accountAggregate: all}
}

func TestCheckAgainstReleasedFiles(t *testing.T) {
	t.Parallel()
	check := func(now string) ([]schema.Checked, error) {
		sources := tree(map[string]string{"Thing.avsc": now, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2})
		released, err := schema.Released(t.Context(), sources, schema.Config{})
		require.NoError(t, err)
		return schema.Check(t.Context(), released, sources, schema.FullTransitive, schema.Config{})
	}
	done, err := check(v2)
	require.NoError(t, err)
	require.Equal(t, []schema.Checked{{Aggregate: accountAggregate, File: "Thing.avsc", Subject: thingSubject, Latest: 2, Version: 2}}, done)
	require.NoError(t, done[0].Unreleased())

	done, err = check(record(a1 + `,{"name":"b","type":"long","default":0},{"name":"c","type":"int","default":0}`))
	require.NoError(t, err)
	require.ErrorContains(t, done[0].Unreleased(), "copy it to released/Thing.v3.avsc")

	done, err = check(v1)
	require.NoError(t, err)
	require.ErrorContains(t, done[0].Unreleased(), "revision 1 again, of 2")

	_, err = check(v3)
	require.ErrorIs(t, err, schema.ErrIncompatible)
	require.ErrorContains(t, err, `field "b": READER_FIELD_MISSING_DEFAULT_VALUE: Thing.avsc cannot read what version 1 wrote`)
}

func TestCheckReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	m := schema.NewMemory()
	for _, name := range []string{"Thing", "Gone"} {
		_, err := m.Register(t.Context(), "fencelog.account.events-billing.account."+name, v1)
		require.NoError(t, err)
	}
	_, err := m.Register(t.Context(), "fencelog.accounting.events-billing.account.Thing", v1) // another topic
	require.NoError(t, err)
	sources := tree(map[string]string{"Thing.avsc": bad, "Broken.avsc": "{", "New.avsc": v1})
	_, err = schema.Check(t.Context(), m, sources, schema.Backward, schema.Config{})
	require.ErrorContains(t, err, `field "c"`)
	require.ErrorContains(t, err, `"fencelog.account.events-billing.account.Gone"`)
	require.ErrorContains(t, err, "RECORD_MISSING")
	require.ErrorContains(t, err, "Broken.avsc")
	require.ErrorIs(t, err, schema.ErrInvalidSchema)
	require.NotContains(t, err.Error(), "accounting")

	_, err = schema.Check(t.Context(), m, sources, "SIDEWAYS", schema.Config{})
	require.ErrorContains(t, err, "SIDEWAYS")
}

// Whatever the strategy: by its name alone a subject does not say which topic it is of, but the released files do.
func TestCheckMissesReleasedFiles(t *testing.T) {
	t.Parallel()
	sources := tree(map[string]string{"New.avsc": replaceOnce(t, v1, `"Thing"`, `"New"`), "released/Thing.v1.avsc": v1})
	for name, strategy := range map[string]schema.SubjectStrategy{
		`"billing.account.Thing"`: schema.RecordNameStrategy, `"` + thingSubject + `"`: nil,
	} {
		cfg := schema.Config{Subject: strategy}
		released, err := schema.Released(t.Context(), sources, cfg)
		require.NoError(t, err)
		_, err = schema.Check(t.Context(), released, sources, schema.Full, cfg)
		require.ErrorContains(t, err, "RECORD_MISSING")
		require.ErrorContains(t, err, name)
	}
}

// gappy is a registry in which the first version of each subject was deleted.
type gappy struct{ schema.Registry }

func (g gappy) Versions(ctx context.Context, subject string) ([]schema.Registered, error) {
	all, err := g.Registry.Versions(ctx, subject)
	return all[min(1, len(all)):], err
}

func TestCheckKnowsTheLatestVersionByItsNumber(t *testing.T) {
	t.Parallel()
	m := schema.NewMemory()
	for _, text := range []string{v1, v2} {
		_, err := m.Register(t.Context(), thingSubject, text)
		require.NoError(t, err)
	}
	done, err := schema.Check(t.Context(), gappy{m}, tree(map[string]string{"Thing.avsc": v2}), schema.Full, schema.Config{})
	require.NoError(t, err)
	require.Equal(t, 2, done[0].Latest)
	require.NoError(t, done[0].Unreleased())
}

func TestCheckFollowsAliases(t *testing.T) {
	t.Parallel()
	m := schema.NewMemory()
	_, err := m.Register(t.Context(), thingSubject, v1)
	require.NoError(t, err)
	check := func(kind string) error {
		sources := tree(map[string]string{"Item.avsc": `{"type":"record","name":"Item","namespace":"billing.stock","aliases":["billing.account.Thing"],"fields":[{"name":"a","type":"` + kind + `"}]}`})
		_, err := schema.Check(t.Context(), m, sources, schema.Backward, schema.Config{})
		return err
	}
	require.NoError(t, check("string"))
	err = check("long")
	require.ErrorContains(t, err, "TYPE_MISMATCH")
	require.ErrorContains(t, err, thingSubject)
}

func TestCheckStopsWhereNoRegistryAnswers(t *testing.T) {
	t.Parallel()
	h, _ := connect(t, "http://127.0.0.1:1", schema.HTTPConfig{Attempts: 1})
	_, err := schema.Check(t.Context(), h, tree(map[string]string{"Thing.avsc": v1, "Other.avsc": v1}), schema.Full, schema.Config{})
	require.ErrorIs(t, err, schema.ErrUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = schema.Check(ctx, schema.NewMemory(), tree(map[string]string{"Thing.avsc": v1}), schema.Full, schema.Config{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestReleasedReportsWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := schema.Released(t.Context(), tree(map[string]string{
		"released/Gap.v1.avsc": v1, "released/Gap.v3.avsc": v2, "released/Thing.avsc": v1,
		"released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": spaced, "released/Other.v1.avsc": v1, "released/Broken.v1.avsc": "{",
		"released/Moved.v1.avsc": replaceOnce(t, v1, "Thing", "Moved"), "released/Moved.v2.avsc": replaceOnce(t, replaceOnce(t, v1, "Thing", "Moved"), "billing.account", "billing.ledger"),
	}), schema.Config{})
	for _, says := range []string{
		"released/Moved.v2.avsc: schema invalid: found a record named billing.ledger.Moved, expected billing.account.Moved as in released/Moved.v1.avsc: its namespace changed",
		"no released/Gap.v2.avsc", "found the file released/Thing.avsc", "released/Thing.v2.avsc: found the schema of revision 1 again", `named "Thing", expected "Other"`, "released/Broken.v1.avsc",
	} {
		require.ErrorContains(t, err, says)
	}
}

// A new registry gets the released revisions first, so that a revision has the same number everywhere.
func TestRegisterKeepsTheNumbersOfRevisions(t *testing.T) {
	t.Parallel()
	sources := tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2})
	m := schema.NewMemory()
	for range 2 {
		done, err := schema.Register(t.Context(), m, sources, []event.Type{typeOf[ab]("Thing")}, schema.Config{})
		require.NoError(t, err)
		require.Equal(t, 2, done[0].Version)
	}
	versions, err := m.Versions(t.Context(), thingSubject)
	require.NoError(t, err)
	require.Len(t, versions, 2)

	other := schema.NewMemory()
	_, err = other.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	_, err = schema.Register(t.Context(), other, sources, []event.Type{typeOf[ab]("Thing")}, schema.Config{})
	require.ErrorIs(t, err, schema.ErrMismatch)
	require.ErrorContains(t, err, "released/Thing.v1.avsc is, or would be, version 2")
	versions, err = other.Versions(t.Context(), thingSubject)
	require.NoError(t, err)
	require.Len(t, versions, 1, "another history is left alone")
}

// past is Thing as revision 1 had it, for an upcaster.
func past() event.Type {
	typ := typeOf[a]("Thing")
	typ.Revision = 1
	return typ
}

func TestReadsAPastRevisionInItsOwnShape(t *testing.T) {
	t.Parallel()
	sources := tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2})
	m := schema.NewMemory()
	types := []event.Type{typeOf[ab]("Thing"), past()}
	done, err := schema.Register(t.Context(), m, sources, types, schema.Config{})
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
	m := schema.NewMemory()
	require.NoError(t, m.SetCompatibility(t.Context(), thingSubject, schema.None))
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

	// The number is wrong without an upcaster too: the revision in what is written now would choose the wrong one later.
	younger := schema.NewMemory()
	_, err = younger.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	c, err = schema.NewCodec(younger, tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2}), schema.Config{})
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
	c, err := schema.NewCodec(schema.NewMemory(), accountSources(), schema.Config{})
	require.NoError(t, err)
	err = c.Bind(t.Context(), []event.Type{created(), credited()})
	require.ErrorIs(t, err, schema.ErrNotFound)
	require.ErrorContains(t, err, createdSubject)
	require.ErrorContains(t, err, creditedSubject)
}

// What is stored knows no Go names.
func TestRenamingGoTypesAndFieldsBreaksNothingStored(t *testing.T) {
	t.Parallel()
	type Renamed struct {
		Other int64  `avro:"b"`
		Name  string `avro:"a"`
	}
	got, err := transfer[ab, Renamed](t, schema.NewMemory(), v2, v2, ab{"x", 7})
	require.NoError(t, err)
	require.Equal(t, Renamed{7, "x"}, got)
}
