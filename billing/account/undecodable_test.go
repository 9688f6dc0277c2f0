package account_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/registry"
)

// leaving is a registry that can be away.
type leaving struct {
	registry.Registry
	reason error // why it gives no schema; nil: it does
}

func (r *leaving) Schema(ctx context.Context, id int) (string, error) {
	if r.reason != nil {
		return "", &registry.Error{Op: "get schema", URL: "http://registry:8081", ID: id, Reason: r.reason}
	}
	return r.Registry.Schema(ctx, id)
}

func TestUndecodableEventsAreNeverLeftOut(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]schema.Engine{"twmb": schema.Twmb{}, "hamba": hamba.Engine{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			testUndecodable(t, store, registry.NewMemory(), schema.Config{Prefix: billing.TopicPrefix, Engine: engine})
		})
	}
}

// testUndecodable puts damaged events between good ones. It expects every way of reading to stop
// there, and to say which event is damaged, how, and with which schema it was written.
func testUndecodable(t *testing.T, store eventstore.Store, r registry.Registry, cfg schema.Config) {
	t.Helper()
	schemas := &leaving{Registry: r}
	codec, err := registry.NewCodec(schemas, billing.Schemas(), cfg)
	require.NoError(t, err)
	accounts, err := aggregate.NewRepository(t.Context(), account.Accounts, store, codec, aggregate.Config{
		Now: fixed, NewID: counter(),
	})
	require.NoError(t, err)
	topic := cfg.Prefix + ".account.events"
	types, err := event.NewTypes(billing.Events()...)
	require.NoError(t, err)
	typ, _ := types.Named("Account", "AccountCredited")
	good, _, err := codec.Encode(t.Context(), typ, credited("t-1", 1, 1))
	require.NoError(t, err)
	id := int(binary.BigEndian.Uint32(good[1:]))
	const unknown = 1<<31 - 2
	withID := func(id int) []byte {
		value := bytes.Clone(good)
		binary.BigEndian.PutUint32(value[1:], uint32(id))
		return value
	}
	for name, test := range map[string]struct {
		value  []byte
		away   error
		reason error
		id     int // that the error names
	}{
		"half a header":        {good[:3], nil, schema.ErrTooShort, 0},
		"unknown magic byte":   {append([]byte{1}, good[1:]...), nil, schema.ErrMagicByte, 0},
		"unknown schema id":    {withID(unknown), nil, schema.ErrNotFound, unknown},
		"cut short":            {good[:len(good)-1], nil, schema.ErrMalformed, id},
		"bytes that follow":    {append(bytes.Clone(good), 0), nil, schema.ErrTrailingBytes, id},
		"the registry is away": {withID(unknown), schema.ErrUnavailable, schema.ErrUnavailable, unknown},
		"the password changed": {withID(unknown), schema.ErrUnauthorized, schema.ErrUnauthorized, unknown},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // they share the registry
			schemas.reason = test.away
			outcome := subscription.DeadLetterAtOnce
			switch {
			case test.away != nil:
				outcome = subscription.RetryForever // nothing is wrong with the event
			case test.reason == schema.ErrNotFound:
				outcome = subscription.WaitThenDeadLetter // a deployment may be under way
			}
			stream := eventstore.Stream{Category: "Account", ID: "account-" + name}
			write(t, store, stream, good)
			at := write(t, store, stream, test.value)
			write(t, store, stream, good)
			check := func(err error) {
				t.Helper()
				for _, reason := range []error{eventstore.ErrUndecodable, test.reason} {
					require.ErrorIs(t, err, reason)
				}
				require.Equal(t, outcome, kafka.Classify(err))
				var where *aggregate.DecodeError
				require.ErrorAs(t, err, &where)
				require.Equal(t, at, where.Record.Position)
				require.EqualValues(t, 2, where.Record.AggregateVersion)
				var what *schema.DecodeError
				require.ErrorAs(t, err, &what)
				require.Equal(t, topic, what.Topic)
				require.Equal(t, test.id, what.ID)
				require.Equal(t, "AccountCredited", what.Type.Name)
				says := []string{topic, fmt.Sprintf("at %d:%d", at.Partition, at.Offset)}
				if test.id != 0 {
					says = append(says, fmt.Sprintf("schema id %d", test.id))
				}
				for _, part := range says {
					require.ErrorContains(t, err, part)
				}
			}
			root, err := accounts.Load(t.Context(), stream.ID)
			require.Nil(t, root)
			check(err)
			decide := func(account.Account) ([]aggregate.Event[account.Account], error) {
				t.Error("decided on half an account")
				return nil, nil
			}
			check(errOf(accounts.Update(t.Context(), stream.ID, decide)))
			check(first(accounts.Events(t.Context(), before(t, store, at))))
			check(first(accounts.Follow(t.Context(), before(t, store, at))))
			var record eventstore.Record
			for rec, err := range store.ReadStream(t.Context(), stream, 2) {
				require.NoError(t, err)
				record = rec
				break
			}
			check(accounts.Handler(func(context.Context, event.Stored[aggregate.Event[account.Account]]) error {
				t.Error("handled half an event")
				return nil
			})(t.Context(), record))
		})
	}
	// The registry is back.
	schemas.reason = nil
	_, err = accounts.Load(t.Context(), "account-the registry is away")
	require.ErrorIs(t, err, schema.ErrNotFound)
}

// before returns a place in the category: after it lie only the event at the position and those
// behind that in its partition.
func before(t *testing.T, store eventstore.Store, at event.Position) eventstore.Start {
	t.Helper()
	ends := make(eventstore.Cursor)
	for r, err := range store.ReadCategory(t.Context(), "Account", eventstore.Beginning()) {
		require.NoError(t, err)
		ends[r.Position.Partition] = r.Position.Offset
	}
	ends[at.Partition] = at.Offset - 1
	return eventstore.After(ends)
}

// first returns the error of the first event.
func first(events iter.Seq2[event.Stored[aggregate.Event[account.Account]], error]) error {
	for _, err := range events {
		return err
	}
	return nil
}

// write appends one event as a program that encodes by itself would.
func write(t *testing.T, store eventstore.Store, stream eventstore.Stream, value []byte) event.Position {
	t.Helper()
	result, err := store.Append(t.Context(),
		eventstore.To(stream, eventstore.Any, eventstore.Record{Value: value, Header: event.Header{
			ID: fmt.Sprintf("%s-%x", stream.ID, value), Type: "AccountCredited", Revision: 1, Timestamp: fixed(),
			CorrelationID: "request-1",
		}}))
	require.NoError(t, err)
	return result.Position
}
