package fencelogcli_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
)

func TestDeadLettersAreLookedAfter(t *testing.T) {
	t.Parallel()
	env, store := stored(t)
	require.Equal(t, "no dead letters\n", good(t, shop(), env, "dead-letters", "list"))
	require.JSONEq(t, "[]", good(t, shop(), env, "dead-letters", "list", "--json"))
	_, stderr := bad(t, shop(), env, "dead-letters", "show", "printer/shop.account.events/0/7")
	require.Contains(t, stderr, "no dead letter printer/shop.account.events/0/7")

	handled := make(chan string)
	failing(t, store, handled)
	var list string
	require.Eventually(t, func() bool {
		list = good(t, shop(), env, "dead-letters", "list", "printer")
		return strings.Count(list, "\n") == 5 // a heading and four letters
	}, time.Minute, 10*time.Millisecond)
	lines := strings.Split(list, "\n")
	id := strings.Fields(lines[1])[0]
	require.Equal(t, "printer/shop.account.events/1/1", id)
	require.Contains(t, lines[1], "  alice  1         20")
	require.Contains(t, lines[1], "no printer")
	require.Contains(t, lines[2], "(waits behind an earlier one)")
	require.Equal(t, "no dead letters\n", good(t, shop(), env, "dead-letters", "list", "another"))
	var all []map[string]any
	require.NoError(t, json.Unmarshal([]byte(good(t, shop(), env, "dead-letters", "list", "--json")), &all))
	require.Len(t, all, 4)
	require.Equal(t, id, all[0]["id"])
	require.Equal(t, "no printer", all[0]["error"])
	require.Equal(t, false, all[0]["waiting"])

	completed := call(t, shop(), env, "__complete", "dead-letters", "discard", "")
	require.Contains(t, completed.stdout, id+"\tno printer\n")

	require.Equal(t, id+" is given up\n", good(t, shop(), env, "dead-letters", "discard", id, "a", "test"))
	require.Equal(t, "e-2", <-handled)
	registry := []string{"--registry-dir", env["REGISTRY"]}
	shown := good(t, shop(), env, append([]string{"dead-letters", "show", id}, registry...)...)
	first := "Account/alice\n\n1  Opened  revision 1  " + at(1).Format(time.RFC3339Nano) + "  at 1:1\n"
	require.True(t, strings.HasPrefix(shown, first), shown)
	require.Contains(t, shown, "\n   event id     e-1\n")
	require.Contains(t, shown, "\n   owner  Alice\n")
	require.Contains(t, shown, "dead after 1 attempts: no printer\n")
	require.Contains(t, shown, "discarded after 0 attempts: a test\n")
	var one struct {
		ID     string
		Record struct {
			EventID string
			Event   map[string]any
		}
		Headers []struct{ Name, Value string }
		Traces  []struct{ What, Note string }
	}
	shown = good(t, shop(), env, append([]string{"dead-letters", "show", id, "--json"}, registry...)...)
	require.NoError(t, json.Unmarshal([]byte(shown), &one))
	require.Equal(t, id, one.ID)
	require.Equal(t, "e-1", one.Record.EventID)
	require.Equal(t, map[string]any{"owner": "Alice"}, one.Record.Event)
	require.NotEmpty(t, one.Headers)
	require.Equal(t, "a test", one.Traces[len(one.Traces)-1].Note)

	_, stderr = bad(t, shop(), env, "dead-letters", "redrive", id, "too late")
	require.Contains(t, stderr, "was handled or discarded")
}

func TestDeadLetterShowsItsCommit(t *testing.T) {
	t.Parallel()
	env, store := stored(t)
	bob := eventstore.Stream{Category: "Account", ID: "bob"}
	first, second := record(5, "Noted", []byte(`{}`)), record(6, "Noted", []byte(`{}`))
	second.CommandID = first.CommandID
	_, err := store.Append(t.Context(), eventstore.To(bob, eventstore.NoStream, first, second))
	require.NoError(t, err)
	_, err = store.Subscribe(t.Context(), subscription.Config{
		Group: "mailer", Category: "Account", Handler: func(_ context.Context, r eventstore.Record) error {
			if r.ID == first.ID {
				return eventstore.ErrUndecodable
			}
			return nil
		},
	})
	require.NoError(t, err)
	var all []struct{ ID, AggregateID, Key string }
	require.Eventually(t, func() bool {
		list := good(t, shop(), env, "dead-letters", "list", "mailer", "--json")
		return json.Unmarshal([]byte(list), &all) == nil && len(all) == 2
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "bob", all[0].AggregateID)
	require.Equal(t, "bob", all[0].Key)
	shown := good(t, shop(), env, "dead-letters", "show", all[0].ID)
	require.Contains(t, shown, "event 1 of 2\n")
	require.Regexp(t, `of its commit: version 2 of Account/bob, at \d+:\d+: waiting\n`, shown)
	var one struct {
		Others []struct {
			Category, AggregateID, State string
			AggregateVersion, Offset     int64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(good(t, shop(), env, "dead-letters", "show", all[1].ID, "--json")), &one))
	require.Len(t, one.Others, 1)
	require.Equal(t, "Account", one.Others[0].Category)
	require.Equal(t, "bob", one.Others[0].AggregateID)
	require.Equal(t, "dead", one.Others[0].State)
	require.Equal(t, int64(1), one.Others[0].AggregateVersion)
}

func TestDeadLetterIsRedriven(t *testing.T) {
	t.Parallel()
	env, store := stored(t)
	handled := make(chan string)
	mended := failing(t, store, handled)
	require.Eventually(t, func() bool {
		return strings.Contains(good(t, shop(), env, "dead-letters", "list"), "no printer")
	}, time.Minute, 10*time.Millisecond)
	mended()
	const id = "printer/shop.account.events/1/1"
	require.Equal(t, id+" will be handled again, with what waits behind it\n",
		good(t, shop(), env, "dead-letters", "redrive", id, "the printer is back"))
	require.Equal(t, "e-1", <-handled)
	require.Equal(t, "e-2", <-handled)
}

// failing runs a handler that does not get the first of alice's events done before it is mended.
func failing(t testing.TB, store *kafka.Store, handled chan<- string) (mend func()) {
	t.Helper()
	mended, mend := context.WithCancel(t.Context())
	t.Cleanup(mend)
	_, err := store.Subscribe(t.Context(), subscription.Config{
		Group: "printer", Category: "Account", Retry: subscription.Retry{Attempts: 1},
		Handler: func(ctx context.Context, r eventstore.Record) error {
			if r.ID == "e-1" && mended.Err() == nil {
				return errors.New("no printer")
			}
			select {
			case handled <- r.ID:
			case <-ctx.Done():
			}
			return ctx.Err()
		},
	})
	require.NoError(t, err)
	return mend
}
