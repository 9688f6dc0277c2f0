//go:build cluster

package account_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// foreignEvent is an event as Confluent's client for Python reads or writes it.
type foreignEvent struct {
	Key       string            `json:"key"`
	Partition int32             `json:"partition"`
	Headers   map[string]string `json:"headers"`
	Value     map[string]any    `json:"value"`
}

// TestPython makes Confluent's client for Python read every event, field by field. It also lets
// that client write one. This is a sound record, but not the owner's, so it does not count.
func TestPython(t *testing.T) {
	c := cluster.Get(t)
	python, err := kafkatest.InstallPython(t.Context(), t.Output())
	require.NoError(t, err)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers()},
		Topics:     topics.Config{Categories: billing.Categories(), Prefix: "python-" + uuid.NewString()[:8]},
	}
	topic := cfg.Topics.Prefix + ".account.events"
	kafkatest.Topics(t, cfg)
	schemas, err := registry.NewHTTP(c.RegistryURL(), registry.HTTPConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, schemas.Close()) }()
	_, err = registry.Register(t.Context(), schemas, billing.Schemas(), billing.Stored(), schema.Config{Prefix: cfg.Topics.Prefix})
	require.NoError(t, err)
	run := func(ctx context.Context, stdin []byte, script string, more ...string) []byte {
		ctx, cancel := context.WithTimeout(ctx, 2*patience)
		defer cancel()
		args := append([]string{strings.Join(c.Brokers(), ","), c.RegistryURL(), topic}, more...)
		out, err := python.Run(ctx, stdin, "testdata/python/"+script, args...)
		require.NoError(t, err)
		return out
	}

	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	f, store := onKafka(t, cfg, schemas)
	written := storeOneOfEach(t, f)
	checkForeignReads(t, run(t.Context(), nil, "read.py", "3"), written)

	// The next version, as if the client were another instance of the service.
	strange := foreignEvent{
		Key: "alice", Partition: javaPartition("alice", 10),
		Headers: map[string]string{
			"eventId": uuid.NewString(), "eventType": "AccountCredited", "eventVersion": "2",
			"aggregateType": "Account", "aggregateVersion": "4", "commitFirst": "4", "commitLength": "1",
			"correlationId": "python", "timestamp": "2026-02-01T09:30:00.123456Z",
		},
		Value: map[string]any{
			"transactionId": "tx-python", "entryType": "TOPUP", "currency": "USD", "exponent": 2, "amount": 1_000_000,
			"contra": "world", "balanceAfter": 1_000_000, "effectiveAt": 1,
		},
	}
	stdin, err := json.Marshal(strange)
	require.NoError(t, err)
	run(t.Context(), stdin, "write.py", "AccountCredited.avsc")
	foreign := rawRecord(t, c.Brokers(), topic, strange.Partition, strange.Headers["eventId"])
	checkSound(t, schemas, cfg.Topics.Prefix, foreign.Value)

	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), account.CreditAccount{
		AccountID: "alice", TransactionID: "tx-after", EntryType: account.EntryTopUp, Amount: usd(100),
		Currency: "USD", Contra: "world",
	})))
	require.EqualValues(t, 1, store.Skipped())
	checkLoaded(t, f, "tx-after")
	require.NoError(t, store.Close())
	require.Contains(t, log.String(), "records do not count and are skipped")
	require.Contains(t, log.String(),
		fmt.Sprintf("topic=%s partition=%d offset=%d end=%d records=1 ",
			topic, strange.Partition, foreign.Offset, foreign.Offset+1))

	again, reopened := onKafka(t, cfg, schemas)
	checkLoaded(t, again, "tx-after")
	require.EqualValues(t, 1, reopened.Skipped())
	require.NoError(t, reopened.Close())
}

// rawRecord returns the record of the event as it stands in the partition, whether it counts or
// not.
func rawRecord(t *testing.T, brokers []string, topic string, partition int32, id string) *sarama.ConsumerMessage {
	t.Helper()
	consumer, err := sarama.NewConsumer(brokers, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, consumer.Close()) }()
	records, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	require.NoError(t, err)
	defer func() { require.NoError(t, records.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case m := <-records.Messages():
			for _, h := range m.Headers {
				if string(h.Key) == "eventId" && string(h.Value) == id {
					return m
				}
			}
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), "the record is not in the partition")
		}
	}
}

// checkSound checks that what the other client wrote says to this library what it was given: only its writer is wrong.
func checkSound(t *testing.T, schemas registry.Registry, prefix string, value []byte) {
	t.Helper()
	codec, err := schema.NewCodec(schemas, billing.Schemas(), schema.Config{Prefix: prefix})
	require.NoError(t, err)
	require.NoError(t, codec.Bind(t.Context(), billing.Stored()))
	types, err := event.NewTypes(billing.Events()...)
	require.NoError(t, err)
	typ, _ := types.Named("Account", "AccountCredited")
	var got account.AccountCredited
	require.NoError(t, codec.Decode(t.Context(), typ, value, &got))
	require.Equal(t, account.AccountCredited{
		TransactionID: "tx-python", EntryType: account.EntryTopUp, Currency: "USD", Exponent: 2, Amount: 1_000_000,
		Contra: "world", BalanceAfter: 1_000_000, EffectiveAt: time.UnixMicro(1).UTC(),
	}, got)
}

// onKafka wires accounts to a store in Kafka.
func onKafka(t *testing.T, cfg kafka.Config, schemas registry.Registry) (*fixture, *kafka.Store) {
	t.Helper()
	store, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Claim(t.Context()))
	codec, err := schema.NewCodec(schemas, billing.Schemas(), schema.Config{Prefix: cfg.Topics.Prefix})
	require.NoError(t, err)
	return wireCodec(t, store, codec, slog.New(slog.DiscardHandler)), store
}

// storeOneOfEach stores an event of each type, and returns the fields of each as other clients must
// read them.
func storeOneOfEach(t *testing.T, f *fixture) map[string]map[string]any {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 30, 45, 123456000, time.UTC)
	for _, c := range []any{
		account.CreateAccount{
			AccountID: "alice", OwnerID: "user-1", OwnerType: account.OwnerOrganization, AccountType: account.TypeUser,
			Currency: "USD", MinBalance: new(usd(0)),
		},
		account.CreditAccount{
			AccountID: "alice", TransactionID: "tx-1", EntryType: account.EntryTopUp, Amount: usd(1<<53 - 1),
			Currency: "USD", Contra: "world", EffectiveAt: at,
		},
		account.DebitAccount{
			AccountID: "alice", TransactionID: "tx-2", EntryType: account.EntryPayment, Amount: usd(2000),
			Currency: "USD", Contra: "shop", EffectiveAt: at,
		},
	} {
		require.NoError(t, errOf(f.commands.Dispatch(t.Context(), c)))
	}
	micros := float64(at.UnixMicro())
	return map[string]map[string]any{
		"AccountCreated": {
			"ownerId": "user-1", "ownerType": "ORGANIZATION", "accountType": "USER", "currency": "USD", "exponent": 2.0,
			"maxBalance": nil, "minBalance": 0.0,
		},
		"AccountCredited": {
			"transactionId": "tx-1", "entryType": "TOPUP", "currency": "USD", "exponent": 2.0,
			"amount": 9007199254740991.0, "contra": "world", "balanceAfter": 9007199254740991.0, "effectiveAt": micros,
		},
		"AccountDebited": {
			"transactionId": "tx-2", "entryType": "PAYMENT", "currency": "USD", "exponent": 2.0, "amount": 2000.0,
			"contra": "shop", "balanceAfter": 9007199254738991.0, "effectiveAt": micros,
		},
	}
}

// checkForeignReads checks that the other client read every event, with every field.
func checkForeignReads(t *testing.T, lines []byte, written map[string]map[string]any) {
	t.Helper()
	revisions := map[string]string{"AccountCreated": "1", "AccountCredited": "2", "AccountDebited": "2"}
	read := make(map[string]map[string]any)
	d := json.NewDecoder(bytes.NewReader(lines))
	for version := 1; d.More(); version++ {
		var e foreignEvent
		require.NoError(t, d.Decode(&e))
		require.Equal(t, "alice", e.Key)
		require.Equal(t, "Account", e.Headers["aggregateType"])
		require.Equal(t, string(rune('0'+version)), e.Headers["aggregateVersion"])
		require.Equal(t, revisions[e.Headers["eventType"]], e.Headers["eventVersion"])
		read[e.Headers["eventType"]] = e.Value
	}
	require.Equal(t, written, read)
	for _, e := range billing.Events() {
		require.Contains(t, read, e.Name, "an event type that the test forgets")
	}
}

// checkLoaded checks that alice has the three stored events and the one after, and not the foreign
// one.
func checkLoaded(t *testing.T, f *fixture, last string) {
	t.Helper()
	var versions []int64
	var transactions []string
	for e, err := range f.Repository.History(t.Context(), "alice", 1) {
		require.NoError(t, err)
		versions = append(versions, e.AggregateVersion)
		if credited, ok := e.Events[0].(account.AccountCredited); ok {
			transactions = append(transactions, credited.TransactionID)
		}
	}
	require.Equal(t, []int64{1, 2, 3, 4}, versions)
	require.Equal(t, []string{"tx-1", last}, transactions)
}
