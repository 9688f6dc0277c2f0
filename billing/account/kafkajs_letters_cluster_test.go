//go:build cluster

package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka/deadletters"
)

// jsLetter is the expected content of a message of the dead-letter topic.
type jsLetter struct {
	key     string
	headers map[string]string
	value   any // an event, bytes that are none, or nil
}

// deadLetters makes a handler fail with one event, fail to decode another, and give the first one
// up.
func (w *writer) deadLetters(t *testing.T) []jsLetter {
	t.Helper()
	broken := []byte("no Avro at all")
	stream := eventstore.Stream{Category: "Account", ID: "broken"}
	_, err := w.store.Append(t.Context(), eventstore.To(stream, eventstore.NoStream, eventstore.Record{
		Value:  broken,
		Header: event.Header{ID: uuid.NewString(), Type: "AccountCreated", Revision: 1, Timestamp: fixed()},
	}))
	require.NoError(t, err)
	w.written["Account/broken"] = []any{broken}
	sub, err := w.store.Subscribe(t.Context(), subscription.Config{
		Group: w.cfg.Topics.Prefix + "-statements", Category: "Account",
		Retry: subscription.Retry{Attempts: 2, First: time.Millisecond},
		Handler: func(_ context.Context, r eventstore.Record) error {
			switch r.AggregateID {
			case "broken":
				return fmt.Errorf("statements: %w", eventstore.ErrUndecodable)
			case "alice":
				return errors.New("no printer: ütf-8")
			}
			return nil
		},
	})
	require.NoError(t, err)
	dead, err := deadletters.Open(t.Context(), w.cfg.Connection, w.cfg.Topics)
	require.NoError(t, err)
	defer func() { require.NoError(t, dead.Close()) }()
	var open []subscription.Letter
	require.Eventually(t, func() bool {
		open, err = dead.List(t.Context(), "")
		return err != nil || len(open) == 4
	}, patience, 50*time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, sub.Close())

	var letters []jsLetter
	for _, l := range open {
		letters = append(letters, w.letter(t, l))
		if l.Key == "alice" && !l.Waiting {
			require.NoError(t, dead.Discard(t.Context(), l.ID, "printed by hand"))
			letters = append(letters, jsLetter{"alice", letterHeaders("discarded", l.ID, map[string]string{
				"attempts": "0", "note": "printed by hand", "headers": "0",
			}), nil})
		}
	}
	require.Len(t, letters, 5)
	return letters
}

// letter returns the expected message of an open letter: the event as it stands in its topic, and
// its fate.
func (w *writer) letter(t *testing.T, l subscription.Letter) jsLetter {
	t.Helper()
	for _, r := range w.records(t) {
		if r.Category != "Account" || r.Position != (event.Position{Partition: l.ID.Partition, Offset: l.ID.Offset}) {
			continue
		}
		headers := headersOf(r)
		moment := func(at time.Time) string { return at.Format(time.RFC3339Nano) }
		own := map[string]string{
			"attempts": fmt.Sprint(l.Attempts), "headers": fmt.Sprint(len(headers)), "at": moment(l.At),
			"note": l.Error, "timestamp": moment(r.Timestamp),
		}
		kind := "dead"
		if l.Waiting {
			kind = "waiting"
		} else {
			own["firstAttempt"], own["lastAttempt"] = moment(l.First), moment(l.Last)
		}
		if l.SchemaID != 0 {
			own["schemaId"] = fmt.Sprint(l.SchemaID)
		}
		for name, value := range letterHeaders(kind, l.ID, own) {
			headers[name] = value
		}
		return jsLetter{r.AggregateID, headers, w.event(r)}
	}
	require.FailNow(t, "a letter of no event", "%+v", l)
	return jsLetter{}
}

func letterHeaders(kind string, id subscription.LetterID, more map[string]string) map[string]string {
	headers := map[string]string{
		"deadLetter.kind": kind, "deadLetter.handler": id.Handler, "deadLetter.topic": id.Topic,
		"deadLetter.partition": fmt.Sprint(id.Partition), "deadLetter.offset": fmt.Sprint(id.Offset),
	}
	for name, value := range more {
		if value != "" {
			headers["deadLetter."+name] = value
		}
	}
	return headers
}

func checkLetters(t *testing.T, read []jsMessage, letters []jsLetter) {
	t.Helper()
	name := func(headers map[string]string) string {
		const p = "deadLetter."
		return strings.Join(
			[]string{headers[p+"kind"], headers[p+"topic"], headers[p+"partition"], headers[p+"offset"]}, " ")
	}
	found := make(map[string]jsMessage)
	for _, m := range read {
		if strings.HasSuffix(m.Topic, ".dead-letter") {
			found[name(m.Headers)] = m
		}
	}
	require.Len(t, found, len(letters))
	for _, l := range letters {
		m := found[name(l.headers)]
		if l.value == nil { // a trace: only the message itself tells its time
			_, err := time.Parse(time.RFC3339Nano, m.Headers["deadLetter.at"])
			require.NoError(t, err)
			l.headers["deadLetter.at"] = m.Headers["deadLetter.at"]
		}
		require.Equal(t, l.headers, m.Headers)
		require.Equal(t, l.key, m.Key)
		checkJSValue(t, l.value, m)
	}
}
