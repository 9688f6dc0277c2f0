//go:build cluster

package account_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// jsMessage is a message as the plan's client prints it.
type jsMessage struct {
	Topic         string            `json:"topic"`
	Partition     int32             `json:"partition"`
	Offset        int64             `json:"offset,string"`
	Timestamp     int64             `json:"timestamp,string"`
	Key           string            `json:"key"`
	Headers       map[string]string `json:"headers"`
	ProducerID    string            `json:"producerId"`
	InTransaction bool              `json:"inTransaction"`
	Value         map[string]any    `json:"value"`
	Bytes         []byte            `json:"bytes"` // of a value that is not in Confluent's wire format
}

// TestKafkaJS makes the client that the plan names, and its registry client, read every topic,
// field by field and header by header. They read lz4 with a codec, and gzip without one.
func TestKafkaJS(t *testing.T) {
	c := cluster.Get(t)
	node, err := kafkatest.InstallNode(t.Context(), t.Output())
	require.NoError(t, err)
	js := &plansClient{node: node, c: c}
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers()},
		Topics:     topics.Config{Categories: billing.Categories(), Prefix: "kafkajs-" + uuid.NewString()[:8]},
		Logger:     slog.New(slog.DiscardHandler),
	}
	kafkatest.Topics(t, cfg)
	cfg.Topics.ProviderSettings = []string{"compression.type"}
	compress(t, cfg, ".saga.events", "gzip")

	w := newWriter(t, cfg, c.RegistryURL())
	w.accounts(t)
	w.others(t)
	letters := w.deadLetters(t)
	records := w.records(t)

	accounts, transactions, sagas, dead := cfg.Topics.Prefix+".account.events", cfg.Topics.Prefix+".transaction.events",
		cfg.Topics.Prefix+".saga.events", cfg.Topics.Prefix+".dead-letter"
	w.foreign(t, sagas)
	count := map[string]int{dead: len(letters)}
	for _, r := range records {
		count[cfg.Topics.Prefix+"."+strings.ToLower(r.Category)+".events"]++
	}
	count[sagas]++ // the foreign one
	read := js.read(t, "ready", count)
	w.check(t, read, records)
	checkLetters(t, read, letters)
	require.NotZero(t, count[accounts]*count[transactions]*count[dead])

	// These clients without the lines of READERS.md fail as it says.
	_, err = js.run(t, "bare", map[string]int{accounts: count[accounts]})
	require.ErrorContains(t, err, "LZ4 compression not implemented")
	bare := js.read(t, "bare", map[string]int{sagas: count[sagas]})
	require.Len(t, bare, count[sagas], "gzip needs no codec")
	i := slices.IndexFunc(bare, func(m jsMessage) bool { return m.Headers["aggregateVersion"] == "1" })
	require.Equal(t, json.Number("9007199254740990"), bare[i].Value["least"], "of -9007199254740991")
}

// plansClient reads with kafkajs.
type plansClient struct {
	node *kafkatest.Interpreter
	c    *kafkatest.Cluster
}

func (p *plansClient) run(t *testing.T, mode string, count map[string]int) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	args := []string{strings.Join(p.c.Brokers(), ","), p.c.RegistryURL(), "kafkajs-" + uuid.NewString(), mode}
	for topic, n := range count {
		args = append(args, fmt.Sprintf("%s=%d", topic, n))
	}
	return p.node.Run(ctx, nil, "testdata/kafkajs/read.js", args...)
}

func (p *plansClient) read(t *testing.T, mode string, count map[string]int) []jsMessage {
	t.Helper()
	out, err := p.run(t, mode, count)
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber() // so that no number is rounded here
	var all []jsMessage
	for d.More() {
		var m jsMessage
		require.NoError(t, d.Decode(&m))
		all = append(all, m)
	}
	return all
}

// compress makes the brokers compress a topic with another codec than its writer.
func compress(t *testing.T, cfg kafka.Config, topic, codec string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(cfg.Connection.Brokers, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	set := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &codec}
	require.NoError(t, admin.IncrementalAlterConfig(sarama.TopicResource, cfg.Topics.Prefix+topic,
		map[string]sarama.IncrementalAlterConfigsEntry{"compression.type": set}, false))
}

// writer writes events for the plan's client, and remembers them by "<aggregate type>/<id>".
type writer struct {
	cfg     kafka.Config
	f       *fixture
	store   *kafka.Store
	codec   *schema.Codec
	written map[string][]any
}

func newWriter(t *testing.T, cfg kafka.Config, registryURL string) *writer {
	t.Helper()
	schemas, err := registry.NewHTTP(registryURL, registry.HTTPConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, schemas.Close()) })
	prefixed := schema.Config{Prefix: cfg.Topics.Prefix}
	_, err = registry.Register(t.Context(), schemas, billing.Schemas(), billing.Stored(), prefixed)
	require.NoError(t, err)
	w := &writer{cfg: cfg, written: make(map[string][]any)}
	w.f, w.store = onKafka(t, cfg, schemas)
	w.codec, err = registry.NewCodec(schemas, schema.Sources{
		"Transaction": fstest.MapFS{"TransactionPosted.avsc": {Data: []byte(manyTypes("TransactionPosted"))}},
		"Saga":        fstest.MapFS{"SagaStarted.avsc": {Data: []byte(manyTypes("SagaStarted"))}},
	}, prefixed)
	require.NoError(t, err)
	return w
}

// accounts stores accounts whose amounts and times are as large as they may be.
func (w *writer) accounts(t *testing.T) {
	t.Helper()
	const most = 1<<53 - 1
	all, debt := money.Decimal("90071992547409.91"), money.Decimal("-90071992547409.91")
	send := func(c any, options ...command.Option) {
		require.NoError(t, errOf(w.f.commands.Dispatch(t.Context(), c, options...)))
	}
	send(account.CreateAccount{
		AccountID: "alice", OwnerID: "user-1", OwnerType: account.OwnerOrganization, AccountType: account.TypeUser,
		Currency: "USD", MinBalance: new(money.Decimal("0")), MaxBalance: &all,
	}, command.WithID("c-1"), command.WithActor("admin-1"), command.WithCorrelationID("request-1"),
		command.WithMetadata(map[string]string{"tenant": "ácme"}))
	send(account.CreditAccount{
		AccountID: "alice", TransactionID: "t-1", EntryType: account.EntryTopUp, Amount: all, Currency: "USD",
		Contra: "world", EffectiveAt: account.Latest(),
	})
	send(account.DebitAccount{
		AccountID: "alice", TransactionID: "t-2", EntryType: account.EntryPayment, Amount: "0.01", Currency: "USD",
		Contra: "shop", EffectiveAt: account.Earliest(),
	})
	send(account.CreateAccount{
		AccountID: "world", OwnerID: "acme", OwnerType: account.OwnerSystem, AccountType: account.TypeExternal,
		Currency: "USD",
	})
	send(account.DebitAccount{
		AccountID: "world", TransactionID: "t-1", EntryType: account.EntryTopUp, Amount: all, Currency: "USD",
		Contra: "alice", EffectiveAt: account.Latest(),
	})
	send(account.CreateAccount{
		AccountID: "bob", OwnerID: "user-2", OwnerType: account.OwnerUser, AccountType: account.TypeSystem,
		Currency: "USD", MinBalance: &debt,
	})
	w.written["Account/alice"] = []any{
		account.AccountCreated{
			OwnerID: "user-1", OwnerType: account.OwnerOrganization, AccountType: account.TypeUser,
			Currency: "USD", Exponent: 2, MinBalance: new(int64(0)), MaxBalance: new(int64(most)),
		},
		account.AccountCredited{
			TransactionID: "t-1", EntryType: account.EntryTopUp, Currency: "USD", Exponent: 2, Amount: most,
			Contra: "world", BalanceAfter: most, EffectiveAt: account.Latest(),
		},
		account.AccountDebited{
			TransactionID: "t-2", EntryType: account.EntryPayment, Currency: "USD", Exponent: 2, Amount: 1,
			Contra: "shop", BalanceAfter: most - 1, EffectiveAt: account.Earliest(),
		},
	}
	w.written["Account/world"] = []any{
		account.AccountCreated{
			OwnerID: "acme", OwnerType: account.OwnerSystem, AccountType: account.TypeExternal, Currency: "USD",
			Exponent: 2,
		},
		account.AccountDebited{
			TransactionID: "t-1", EntryType: account.EntryTopUp, Currency: "USD", Exponent: 2, Amount: most,
			Contra: "alice", BalanceAfter: -most, EffectiveAt: account.Latest(),
		},
	}
	w.written["Account/bob"] = []any{account.AccountCreated{
		OwnerID: "user-2", OwnerType: account.OwnerUser, AccountType: account.TypeSystem,
		Currency: "USD", Exponent: 2, MinBalance: new(int64(-most)),
	}}
}

// others stores events of the aggregate types that have no package yet, with all kinds of fields.
// One commit is small. The other one takes lz4 several blocks, and most of its bytes cannot be
// compressed.
func (w *writer) others(t *testing.T) {
	t.Helper()
	noise := make([]byte, 300<<10)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(noise)
	small, large := many{
		Text: "é😀", Kind: "SECOND", Items: []item{{"a", 1}, {"b", -1}}, Tags: map[string]string{"k": "v"},
		Ratio: 0.1, Flag: true,
		Small: -1 << 31, Least: -1<<53 + 1, At: noon(), Maybe: new("there"), Raw: []byte{0, 255},
	}, many{Text: strings.Repeat("money ", 20<<10), Kind: "FIRST", At: account.Earliest(), Raw: noise}
	store(t, w, "Transaction", transactionPosted(small), transactionPosted(large))
	store(t, w, "Saga", sagaStarted(small), sagaStarted(large))
}

func store(t *testing.T, w *writer, category string, events ...aggregate.Event[nothing]) {
	t.Helper()
	typ := aggregate.NewType(category, events[0])
	r, err := aggregate.NewRepository(t.Context(), typ, w.store, w.codec, aggregate.Config{})
	require.NoError(t, err)
	for _, e := range events {
		require.NoError(t, errOf(r.Update(t.Context(), "one", func(nothing) ([]aggregate.Event[nothing], error) {
			return []aggregate.Event[nothing]{e}, nil
		})))
		w.written[category+"/one"] = append(w.written[category+"/one"], e)
	}
}

// foreign writes a message as another program than the store would.
func (w *writer) foreign(t *testing.T, topic string) {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(w.cfg.Connection.Brokers, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{
		Topic: topic, Key: sarama.StringEncoder("foreign"), Value: sarama.StringEncoder("hello"),
	})
	require.NoError(t, err)
}

// records returns all records that count, as this library reads them.
func (w *writer) records(t *testing.T) []eventstore.Record {
	t.Helper()
	var all []eventstore.Record
	for _, category := range billing.CategoryNames() {
		for r, err := range w.store.ReadCategory(t.Context(), category, eventstore.Beginning()) {
			require.NoError(t, err)
			all = append(all, r)
		}
	}
	return all
}

// event returns the event that a record was written with.
func (w *writer) event(r eventstore.Record) any {
	return w.written[r.Category+"/"+r.AggregateID][r.AggregateVersion-1]
}

// check expects that the client read each record that counts as it was written, and that the others
// show that they do not count.
func (w *writer) check(t *testing.T, read []jsMessage, records []eventstore.Record) {
	t.Helper()
	at := make(map[string]jsMessage)
	for _, m := range read {
		at[fmt.Sprintf("%s/%d/%d", m.Topic, m.Partition, m.Offset)] = m
		if m.Key == "foreign" {
			require.Equal(t, "-1", m.ProducerID, "of no owner")
		}
	}
	require.Len(t, at, len(read), "each message once")
	events := 0
	for _, versions := range w.written {
		events += len(versions)
	}
	require.Len(t, records, events)
	for _, r := range records {
		topic := fmt.Sprintf("%s.%s.events", w.cfg.Topics.Prefix, strings.ToLower(r.Category))
		m, ok := at[fmt.Sprintf("%s/%d/%d", topic, r.Position.Partition, r.Position.Offset)]
		require.True(t, ok, "%s/%s version %d was not read", r.Category, r.AggregateID, r.AggregateVersion)
		require.Equal(t, r.AggregateID, m.Key)
		require.Equal(t, headersOf(r), m.Headers)
		require.Equal(t, r.Timestamp.UnixMilli(), m.Timestamp)
		require.NotEqual(t, "-1", m.ProducerID)
		require.False(t, m.InTransaction)
		checkJSValue(t, w.event(r), m)
	}
}

func checkJSValue(t *testing.T, want any, m jsMessage) {
	t.Helper()
	if raw, ok := want.([]byte); ok || want == nil {
		require.Nil(t, m.Value)
		require.Equal(t, raw, m.Bytes)
		return
	}
	require.Nil(t, m.Bytes)
	require.Equal(t, fieldsOf(t, want), any(m.Value))
}
