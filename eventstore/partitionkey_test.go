package eventstore_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// TestPartitionKeyOf is about ids as they are stored: another answer would part streams from their
// partitions.
func TestPartitionKeyOf(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ id, before string }{
		{"acme/alice", "acme"},
		{"acme/", "acme"},
		{"acme", "acme"},
		{"acme/alice/savings", "acme"},
		{"acme//", "acme"},
		{"/acme", ""}, // no such stream exists
		{`acme\alice`, `acme\alice`},
		{"acme∕alice", "acme∕alice"}, // U+2215, which is no slash
		{"Acme /alice", "Acme "},
		{"", ""},
	} {
		require.Equal(t, x.id, eventstore.WholeID.Of(x.id))
		require.Equal(t, x.before, eventstore.BeforeSlash.Of(x.id), "%q", x.id)
	}
}

// TestPartitionKeyNames spells the names out, because they are stored.
func TestPartitionKeyNames(t *testing.T) {
	t.Parallel()
	var zero eventstore.PartitionKey
	require.Equal(t, eventstore.WholeID, zero, "the default")
	for key, name := range map[eventstore.PartitionKey]string{
		eventstore.WholeID: "whole-id", eventstore.BeforeSlash: "before-slash",
	} {
		require.True(t, key.Known())
		require.Equal(t, name, key.String())
		text, err := key.MarshalText()
		require.NoError(t, err)
		require.Equal(t, name, string(text))
		var read eventstore.PartitionKey
		require.NoError(t, read.UnmarshalText(text))
		require.Equal(t, key, read)
	}
	var inJSON map[string]eventstore.PartitionKey
	require.NoError(t, json.Unmarshal([]byte(`{"Account":"before-slash"}`), &inJSON))
	require.Equal(t, map[string]eventstore.PartitionKey{"Account": eventstore.BeforeSlash}, inJSON)
}

func TestPartitionKeyUnknown(t *testing.T) {
	t.Parallel()
	unknown := eventstore.PartitionKey(2)
	require.False(t, unknown.Known())
	require.Equal(t, "PartitionKey(2)", unknown.String())
	_, err := unknown.MarshalText()
	require.EqualError(t, err, "PartitionKey(2): expected whole-id or before-slash")
	for _, name := range []string{"", "PartitionKey(2)", "Before-slash", "before-slash ", "BeforeSlash"} {
		key := eventstore.BeforeSlash
		err := key.UnmarshalText([]byte(name))
		require.EqualError(t, err, fmt.Sprintf("partition key %q: expected whole-id or before-slash", name))
		require.Equal(t, eventstore.BeforeSlash, key, "what cannot be read changes nothing")
	}
}

// TestCheckStreamSlash is about ids that name nothing before their slash.
func TestCheckStreamSlash(t *testing.T) {
	t.Parallel()
	for id, wrong := range map[string]bool{
		"/": true, "/alice": true, "//": true, "acme/": false, "acme": false, "acme/alice": false, " /": false,
	} {
		account := eventstore.Stream{Category: "Account", ID: id}
		require.NoError(t, eventstore.CheckStream(account, eventstore.WholeID), "%q", id)
		err := eventstore.CheckStream(account, eventstore.BeforeSlash)
		if !wrong {
			require.NoError(t, err, "%q", id)
			continue
		}
		require.ErrorIs(t, err, eventstore.ErrInvalid, "%q", id)
		require.EqualError(t, err, fmt.Sprintf(
			"aggregate id: found %q, expected something before the slash, which is the partition key", id))
	}
	long := eventstore.Stream{Category: "Account", ID: "a/" + strings.Repeat("x", eventstore.MaxIDBytes)}
	require.EqualError(t, eventstore.CheckStream(long, eventstore.BeforeSlash),
		"aggregate id: found 257 bytes, expected at most 255")
}

// A partition key is a part of the aggregate's id. One commit may write to all streams of one
// partition key.
func ExamplePartitionKey() {
	for _, id := range []string{"acme/alice", "acme/bob", "zenith/carol"} {
		fmt.Println(id, "in", eventstore.BeforeSlash.Of(id))
	}
	// Output:
	// acme/alice in acme
	// acme/bob in acme
	// zenith/carol in zenith
}

// A partition key is written by its name.
func ExamplePartitionKey_MarshalText() {
	text, err := json.Marshal(map[string]eventstore.PartitionKey{
		"Account": eventstore.BeforeSlash, "Order": eventstore.WholeID,
	})
	fmt.Println(string(text), err)
	// Output: {"Account":"before-slash","Order":"whole-id"} <nil>
}
