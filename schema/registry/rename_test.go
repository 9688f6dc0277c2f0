package registry_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// These are the revisions of an event whose field "mail" becomes "email" as the gate advises.
// Release 2 has both fields, and release 3 upcasts what release 1 wrote.
const (
	joinedWith = `{"type":"record","name":"Joined","namespace":"club","fields":[`
	mailField  = `{"name":"mail","type":["null","string"],"default":null}`
	emailField = `{"name":"email","type":["null","string"],"default":null}`

	renamedV1  = joinedWith + mailField + `]}`
	renamedV2  = joinedWith + mailField + `,` + emailField + `]}`
	renamedV3  = joinedWith + emailField + `]}`
	renamedBad = joinedWith + `{"name":"email","type":["null","string"],"default":null,"aliases":["mail"]}]}`
)

// Member knows the addresses that were given.
type Member struct{ Mails []string }

func (m Member) Clone() Member { return Member{Mails: slices.Clone(m.Mails)} }

func (m *Member) take(mail *string) {
	if mail == nil {
		m.Mails = append(m.Mails, "lost")
		return
	}
	m.Mails = append(m.Mails, *mail)
}

type (
	joined1 struct {
		Mail *string `avro:"mail"`
	}
	joined2 struct {
		Mail  *string `avro:"mail"`
		Email *string `avro:"email"`
	}
	joined3 struct {
		Email *string `avro:"email"`
	}
)

func (joined1) EventType() string { return "Joined" }
func (joined2) EventType() string { return "Joined" }
func (joined3) EventType() string { return "Joined" }

func (e joined1) Apply(m *Member) { m.take(e.Mail) }
func (e joined3) Apply(m *Member) { m.take(e.Email) }
func (e joined2) Apply(m *Member) {
	if e.Email == nil {
		e.Email = e.Mail // as release 1 wrote it
	}
	m.take(e.Email)
}

func withRevisions(today string, released ...string) schema.Sources {
	files := fstest.MapFS{"Joined.avsc": {Data: []byte(today)}}
	for i, text := range released {
		files["released/Joined.v"+string(rune('1'+i))+".avsc"] = &fstest.MapFile{Data: []byte(text)}
	}
	return schema.Sources{"Member": files}
}

// If a field is renamed by an alias, programs of the former release lose it, and the gate says so.
// A change that follows its advice passes. Then releases that run beside each other read all that
// they and the former ones wrote.
func TestRenameInTwoReleases(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	err := registry.CheckRelease(ctx, registry.NewMemory(), withRevisions(renamedBad, renamedV1, renamedBad),
		change.FullTransitive, schema.Config{})
	require.ErrorIs(t, err, schema.ErrIncompatible)
	require.ErrorContains(t, err,
		`field "mail": FIELD_RENAMED: version 1 cannot read what Joined.avsc wrote: it became "email" there`)
	require.ErrorContains(t, err, `add "email" beside "mail", with a default, and write both`)
	require.NotContains(t, err.Error(), "rename with an alias")

	store, err := memory.New(memory.Config{Categories: []string{"Member"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	schemas := registry.NewMemory()
	release := func(typ *aggregate.Type[Member], sources schema.Sources) *aggregate.Repository[Member] {
		_, err := registry.Deploy(ctx, schemas, sources, typ.Stored(), change.FullTransitive, schema.Config{})
		require.NoError(t, err)
		codec, err := schema.NewCodec(schemas, sources, schema.Config{})
		require.NoError(t, err)
		members, err := aggregate.NewRepository(ctx, typ, eventstore.Store(store), codec, aggregate.Config{})
		require.NoError(t, err)
		return members
	}
	write := func(members *aggregate.Repository[Member], e aggregate.Event[Member]) {
		_, err := members.Update(ctx, "m", func(Member) ([]aggregate.Event[Member], error) {
			return []aggregate.Event[Member]{e}, nil
		})
		require.NoError(t, err)
	}
	read := func(members *aggregate.Repository[Member]) []string {
		root, err := members.Load(ctx, "m")
		require.NoError(t, err)
		return root.State().Mails
	}

	first := release(aggregate.NewType[Member]("Member", joined1{}), withRevisions(renamedV1, renamedV1))
	write(first, joined1{new("1")})
	second := release(aggregate.NewType[Member]("Member", joined2{}), withRevisions(renamedV2, renamedV1, renamedV2))
	write(second, joined2{new("2"), new("2")})
	require.Equal(t, []string{"1", "2"}, read(first))
	require.Equal(t, []string{"1", "2"}, read(second))

	third := release(aggregate.NewType[Member]("Member", joined3{}).Upcasting(
		aggregate.Upcast("Joined", 1, func(old joined1) []aggregate.Event[Member] {
			return []aggregate.Event[Member]{joined3{old.Mail}}
		}),
	), withRevisions(renamedV3, renamedV1, renamedV2, renamedV3))
	write(third, joined3{new("3")})
	require.Equal(t, []string{"1", "2", "3"}, read(second))
	require.Equal(t, []string{"1", "2", "3"}, read(third))
}
