package eventstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// account returns the stream of an account whose partition key is the part before the slash.
func account(id string) eventstore.Stream { return eventstore.Stream{Category: "Account", ID: id} }

// named returns a record with an id, of the command and with the digest.
func named(id, command, digest string) eventstore.Record {
	return record(func(r *eventstore.Record) { r.ID, r.CommandID, r.CommandDigest = id, command, digest })
}

// of returns the record as it names its stream.
func of(stream eventstore.Stream, r eventstore.Record) eventstore.Record {
	r.Category, r.AggregateID = stream.Category, stream.ID
	return r
}

func TestJoin(t *testing.T) {
	t.Parallel()
	alice, bob, freeze := account("acme/alice"), account("acme/bob"), account("acme/freeze")
	debit := eventstore.To(alice, 7, named("e-1", "c-1", "d-1"), named("e-2", "c-1", ""))
	credit := eventstore.To(bob, eventstore.Any, named("e-3", "c-1", "d-1"))
	credit.ExpectCommands = []eventstore.CommandExpectation{{CommandID: "c-0", Applied: true}}
	unfrozen := eventstore.Expectation{Stream: freeze, Version: eventstore.NoStream, Tip: "tip"}.Commit()
	unfrozen.ExpectCommands = []eventstore.CommandExpectation{{CommandID: "c-9"}}

	transfer := eventstore.Join(debit, credit, unfrozen)
	require.Equal(t, eventstore.Commit{
		CommandID: "c-1", Digest: "d-1",
		Expect: []eventstore.Expectation{
			{Stream: alice, Version: 7}, {Stream: bob, Version: eventstore.Any}, {Stream: freeze, Tip: "tip"},
		},
		ExpectCommands: []eventstore.CommandExpectation{{CommandID: "c-0", Applied: true}, {CommandID: "c-9"}},
		Records: []eventstore.Record{
			of(alice, named("e-1", "c-1", "d-1")), of(alice, named("e-2", "c-1", "")), of(bob, named("e-3", "c-1", "")),
		},
	}, transfer)
	require.NoError(t, eventstore.Check(transfer, eventstore.BeforeSlash))
	require.Equal(t, alice, transfer.Stream())
	require.Equal(t, []eventstore.Stream{alice, bob}, transfer.Streams())

	require.Equal(t, "d-1", credit.Records[0].CommandDigest, "what was joined is not changed")
	transfer.Expect[0].Version, transfer.Records[0].ID = 8, "other"
	require.Equal(t, eventstore.Expected(7), debit.Expect[0].Version)
	require.Equal(t, "e-1", debit.Records[0].ID)
}

// TestJoinCommand is about the command of a commit that is joined of several.
func TestJoinCommand(t *testing.T) {
	t.Parallel()
	alice, bob := account("acme/alice"), account("acme/bob")
	for _, x := range []struct {
		what            string
		first, second   eventstore.Commit
		command, digest string
		wrong           string
	}{
		{
			"only the second has one", eventstore.To(alice, 1, named("e-1", "", "")),
			eventstore.To(bob, 1, named("e-2", "c-1", "d-1")), "c-1", "d-1", "",
		},
		{
			"the first one has no digest", eventstore.To(alice, 1, named("e-1", "c-1", "")),
			eventstore.To(bob, 1, named("e-2", "c-1", "d-1")), "c-1", "", "",
		},
		{
			"a check has one", func() eventstore.Commit {
				c := eventstore.To(alice, 1)
				c.CommandID, c.Digest = "c-1", "d-1"
				return c
			}(), eventstore.To(bob, 1, named("e-2", "", "")), "c-1", "d-1", "",
		},
		{
			"two commands", eventstore.To(alice, 1, named("e-1", "c-1", "d-1")),
			eventstore.To(bob, 1, named("e-2", "c-2", "d-2")), "c-1", "d-1",
			`record 2: command id: found "c-2", expected that of the commit, "c-1"`,
		},
	} {
		c := eventstore.Join(x.first, x.second)
		require.Equal(t, []string{x.command, x.digest}, []string{c.CommandID, c.Digest}, x.what)
		err := eventstore.Check(c, eventstore.BeforeSlash)
		if x.wrong != "" {
			require.EqualError(t, err, x.wrong, x.what)
			continue
		}
		require.NoError(t, err, x.what)
		for i, r := range c.Stamped() {
			require.Equal(t, x.command, r.CommandID, x.what)
			require.Equal(t, i == 0 && x.digest != "", r.CommandDigest != "", "%s: record %d", x.what, i+1)
		}
	}
}

// TestJoinChecks joins commits without records.
func TestJoinChecks(t *testing.T) {
	t.Parallel()
	known := eventstore.To(account("acme/alice"), 1)
	known.Unconfirmed = true
	asked := eventstore.To(account("acme/bob"), 2)
	require.True(t, eventstore.Join(known, known).Unconfirmed)
	require.True(t, eventstore.Join(known).Unconfirmed)
	require.False(t, eventstore.Join(known, asked).Unconfirmed)
	require.False(t, eventstore.Join(asked, known).Unconfirmed)
	both := eventstore.Join(known, asked)
	require.Empty(t, both.Records)
	require.Equal(t, account("acme/alice"), both.Stream())
	require.Empty(t, both.Streams())
	require.NoError(t, eventstore.Check(both, eventstore.BeforeSlash))

	require.Equal(t, eventstore.Commit{}, eventstore.Join())
	require.EqualError(t, eventstore.Check(eventstore.Join(known, known), eventstore.BeforeSlash),
		"expectation 2: stream: found Account/acme/alice for the second time, expected one expectation a stream")
}

func TestCommitStreams(t *testing.T) {
	t.Parallel()
	alice, bob := account("acme/alice"), account("acme/bob")
	c := eventstore.Commit{
		Expect:  []eventstore.Expectation{{Stream: alice, Version: 3, Tip: "tip"}, {Stream: account("acme/freeze")}},
		Records: []eventstore.Record{of(bob, record()), of(alice, record()), of(bob, record()), of(alice, record())},
	}
	require.Equal(t, bob, c.Stream())
	require.Equal(t, []eventstore.Stream{bob, alice}, c.Streams(), "in the order of their first records")
	require.Equal(t, eventstore.Expectation{Stream: alice, Version: 3, Tip: "tip"}, c.ExpectationOf(alice))
	require.Equal(t, eventstore.Expectation{Stream: account("acme/freeze")}, c.ExpectationOf(account("acme/freeze")))
	require.Equal(t, eventstore.Expectation{Stream: bob, Version: eventstore.Any}, c.ExpectationOf(bob))
	require.Equal(t, eventstore.Stream{}, eventstore.Commit{}.Stream())
	require.Empty(t, eventstore.Commit{}.Streams())
}

// TestRepeats is about commits whose command id is stored already.
func TestRepeats(t *testing.T) {
	t.Parallel()
	alice, bob, carol := account("acme/alice"), account("acme/bob"), account("acme/carol")
	first := eventstore.Result{Streams: []eventstore.Written{
		{Stream: alice, First: 1, Last: 2}, {Stream: bob, First: 5, Last: 5},
	}}
	to := func(streams ...eventstore.Stream) (records []eventstore.Record) {
		for _, s := range streams {
			records = append(records, of(s, record()))
		}
		return records
	}
	for _, x := range []struct {
		what          string
		stored, given string // digests
		records       []eventstore.Record
		reused        bool
	}{
		{"the same", "d-1", "d-1", to(alice, alice, bob), false},
		{"in another order, with fewer records", "d-1", "d-1", to(bob, alice), false},
		{"with more records", "d-1", "d-1", to(bob, alice, bob, alice, bob), false},
		{"an unknown digest", "", "d-1", to(alice, bob), false},
		{"an unknown digest now", "d-1", "", to(alice, bob), false},
		{"another digest", "d-1", "d-2", to(alice, bob), true},
		{"one stream less", "d-1", "d-1", to(alice), true},
		{"one stream more", "d-1", "d-1", to(alice, bob, carol), true},
		{"another stream", "d-1", "d-1", to(alice, carol), true},
		{"another stream, digests unknown", "", "", to(alice, carol), true},
		{"a check", "d-1", "d-1", nil, false},
		{"a check with an unknown digest", "d-1", "", nil, false},
		{"a check with another digest", "d-1", "d-2", nil, true},
	} {
		c := eventstore.Commit{CommandID: "c-1", Digest: x.given, Records: x.records}
		c.Expect = []eventstore.Expectation{{Stream: carol, Version: 9}}
		err := c.Repeats(first, x.stored)
		if !x.reused {
			require.NoError(t, err, x.what)
			continue
		}
		require.Equal(t, &eventstore.CommandReusedError{
			Stream: c.Stream(), CommandID: "c-1", Stored: x.stored, Given: x.given,
			Wrote: []eventstore.Stream{alice, bob},
		}, err, x.what)
	}
	one := eventstore.Result{Streams: []eventstore.Written{{Stream: alice, First: 1, Last: 1}}}
	c := eventstore.To(alice, eventstore.Any, record(), record())
	c.CommandID = "c-1"
	require.NoError(t, c.Repeats(one, ""))
	c = eventstore.To(bob, eventstore.Any, record())
	c.CommandID = "c-1"
	require.ErrorIs(t, c.Repeats(one, ""), eventstore.ErrCommandReused)
}
