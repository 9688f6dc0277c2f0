package registry_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestCheckAgainstReleasedFiles(t *testing.T) {
	t.Parallel()
	check := func(now string) ([]registry.Checked, error) {
		sources := tree(map[string]string{
			"Thing.avsc": now, "released/Thing.v1.avsc": v1,
			"released/Thing.v2.avsc": v2,
		})
		released, err := registry.Released(t.Context(), sources, schema.Config{})
		require.NoError(t, err)
		return registry.Check(t.Context(), released, sources, change.FullTransitive, schema.Config{})
	}
	done, err := check(v2)
	require.NoError(t, err)
	require.Equal(t, []registry.Checked{{
		Category: accountAggregate, File: "Thing.avsc", Subject: thingSubject,
		Latest: 2, Version: 2,
	}}, done)
	require.NoError(t, done[0].Unreleased())

	done, err = check(record(a1 + `,{"name":"b","type":"long","default":0},{"name":"c","type":"int","default":0}`))
	require.NoError(t, err)
	require.ErrorContains(t, done[0].Unreleased(), "copy it to released/Thing.v3.avsc")

	done, err = check(v1)
	require.NoError(t, err)
	require.ErrorContains(t, done[0].Unreleased(), "revision 1 again, of 2")

	_, err = check(v3)
	require.ErrorIs(t, err, schema.ErrIncompatible)
	require.ErrorContains(t, err,
		`field "b": READER_FIELD_MISSING_DEFAULT_VALUE: Thing.avsc cannot read what version 1 wrote`)
}

func TestCheckReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	for _, name := range []string{"Thing", "Gone"} {
		_, err := m.Register(t.Context(), "fencelog.account.events-billing.account."+name, v1)
		require.NoError(t, err)
	}
	_, err := m.Register(t.Context(), "fencelog.accounting.events-billing.account.Thing", v1) // another topic
	require.NoError(t, err)
	sources := tree(map[string]string{"Thing.avsc": bad, "Broken.avsc": "{", "New.avsc": v1})
	_, err = registry.Check(t.Context(), m, sources, change.Backward, schema.Config{})
	require.ErrorContains(t, err, `field "c"`)
	require.ErrorContains(t, err, `"fencelog.account.events-billing.account.Gone"`)
	require.ErrorContains(t, err, "RECORD_MISSING")
	require.ErrorContains(t, err, "Broken.avsc")
	require.ErrorIs(t, err, schema.ErrInvalidSchema)
	require.NotContains(t, err.Error(), "accounting")

	_, err = registry.Check(t.Context(), m, sources, "SIDEWAYS", schema.Config{})
	require.ErrorContains(t, err, "SIDEWAYS")
}

// Check finds a released event without a file, whatever the strategy. The name of a subject may not
// say which topic it is of, but the released files do.
func TestCheckMissesReleasedFiles(t *testing.T) {
	t.Parallel()
	sources := tree(map[string]string{"New.avsc": replaceOnce(t, v1, `"Thing"`, `"New"`), "released/Thing.v1.avsc": v1})
	for name, strategy := range map[string]schema.SubjectStrategy{
		`"billing.account.Thing"`: schema.RecordNameStrategy, `"` + thingSubject + `"`: nil,
	} {
		cfg := schema.Config{Subject: strategy}
		released, err := registry.Released(t.Context(), sources, cfg)
		require.NoError(t, err)
		_, err = registry.Check(t.Context(), released, sources, change.Full, cfg)
		require.ErrorContains(t, err, "RECORD_MISSING")
		require.ErrorContains(t, err, name)
	}
}

// gappy is a registry in which the first version of each subject was deleted.
type gappy struct{ registry.Registry }

func (g gappy) Versions(ctx context.Context, subject string) ([]schema.Registered, error) {
	all, err := g.Registry.Versions(ctx, subject)
	return all[min(1, len(all)):], err
}

func TestCheckKnowsTheLatestVersionByItsNumber(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	for _, text := range []string{v1, v2} {
		_, err := m.Register(t.Context(), thingSubject, text)
		require.NoError(t, err)
	}
	done, err := registry.Check(t.Context(), gappy{m}, tree(map[string]string{"Thing.avsc": v2}), change.Full,
		schema.Config{})
	require.NoError(t, err)
	require.Equal(t, 2, done[0].Latest)
	require.NoError(t, done[0].Unreleased())
}

func TestCheckFollowsAliases(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	_, err := m.Register(t.Context(), thingSubject, v1)
	require.NoError(t, err)
	check := func(kind string) error {
		sources := tree(map[string]string{"Item.avsc": `{"type":"record","name":"Item","namespace":"billing.stock","aliases":["billing.account.Thing"],"fields":[{"name":"a","type":"` + kind + `"}]}`})
		_, err := registry.Check(t.Context(), m, sources, change.Backward, schema.Config{})
		return err
	}
	require.NoError(t, check("string"))
	err = check("long")
	require.ErrorContains(t, err, "TYPE_MISMATCH")
	require.ErrorContains(t, err, thingSubject)
}

func TestCheckStopsWhereNoRegistryAnswers(t *testing.T) {
	t.Parallel()
	h, _ := connect(t, "http://127.0.0.1:1", registry.HTTPConfig{Attempts: 1})
	_, err := registry.Check(t.Context(), h, tree(map[string]string{"Thing.avsc": v1, "Other.avsc": v1}), change.Full,
		schema.Config{})
	require.ErrorIs(t, err, schema.ErrUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = registry.Check(ctx, registry.NewMemory(), tree(map[string]string{"Thing.avsc": v1}), change.Full,
		schema.Config{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestReleasedReportsWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := registry.Released(t.Context(), tree(map[string]string{
		"released/Gap.v1.avsc": v1, "released/Gap.v3.avsc": v2, "released/Thing.avsc": v1,
		"released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": spaced, "released/Other.v1.avsc": v1,
		"released/Broken.v1.avsc": "{",
		"released/Moved.v1.avsc":  replaceOnce(t, v1, "Thing", "Moved"),
		"released/Moved.v2.avsc": replaceOnce(t, replaceOnce(t, v1, "Thing", "Moved"), "billing.account",
			"billing.ledger"),
	}), schema.Config{})
	for _, says := range []string{
		"released/Moved.v2.avsc: schema invalid: found a record named billing.ledger.Moved, " +
			"expected billing.account.Moved as in released/Moved.v1.avsc: its namespace changed",
		"no released/Gap.v2.avsc", "found the file released/Thing.avsc",
		"released/Thing.v2.avsc: found the schema of revision 1 again", `named "Thing", expected "Other"`,
		"released/Broken.v1.avsc",
	} {
		require.ErrorContains(t, err, says)
	}
}

// A new registry gets the released revisions first, so that a revision has the same number
// everywhere.
func TestRegisterKeepsTheNumbersOfRevisions(t *testing.T) {
	t.Parallel()
	sources := tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2})
	m := registry.NewMemory()
	for range 2 {
		done, err := registry.Register(t.Context(), m, sources, []event.Type{typeOf[ab]("Thing")}, schema.Config{})
		require.NoError(t, err)
		require.Equal(t, 2, done[0].Version)
	}
	versions, err := m.Versions(t.Context(), thingSubject)
	require.NoError(t, err)
	require.Len(t, versions, 2)

	other := registry.NewMemory()
	_, err = other.Register(t.Context(), thingSubject, v2)
	require.NoError(t, err)
	_, err = registry.Register(t.Context(), other, sources, []event.Type{typeOf[ab]("Thing")}, schema.Config{})
	require.ErrorIs(t, err, schema.ErrMismatch)
	require.ErrorContains(t, err, "released/Thing.v1.avsc is, or would be, version 2")
	versions, err = other.Versions(t.Context(), thingSubject)
	require.NoError(t, err)
	require.Len(t, versions, 1, "another history is left alone")
}
