//go:build cluster

package account_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/linkedin/goavro/v2"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// patience is the time that a test waits for an expected event.
const patience = time.Minute

// TestPOC is the proof of concept of the plan's first week. It has a command on one side, and on
// the other a consumer group of plain Sarama. The group shares nothing with the store but the wire.
func TestPOC(t *testing.T) {
	c := cluster.Get(t)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers()},
		Topics:     topics.Config{Categories: billing.Categories(), Prefix: "poc-" + uuid.NewString()[:8]},
		Logger:     slog.New(slog.DiscardHandler),
	}
	topic := cfg.Topics.Prefix + ".account.events"
	kafkatest.Topics(t, cfg)
	var log bytes.Buffer
	begun := time.Now()
	dispatchPOC(t, cfg, c.RegistryURL(), slog.New(slog.NewTextHandler(&log, nil)))
	ended := time.Now()
	require.Contains(t, log.String(),
		`msg="account created" accountId=test-account-1 ownerId=user-1 ownerType=USER accountType=USER currency=USD`)

	m := consumeFirst(t, c.Brokers(), topic)
	require.Equal(t, "test-account-1", string(m.Key))
	require.Equal(t, javaPartition("test-account-1", 10), m.Partition,
		"the partition that Java's default partitioner chooses")
	checkPOCHeaders(t, m, begun, ended)
	checkPOCValue(t, m, c.RegistryURL(), topic)
}

// dispatchPOC sends the plan's command through the command bus and asks for the balance.
func dispatchPOC(t *testing.T, cfg kafka.Config, registryURL string, logger *slog.Logger) {
	t.Helper()
	store, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, store.Claim(t.Context()))
	schemas, err := registry.NewHTTP(registryURL, registry.HTTPConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, schemas.Close()) }()
	codec, err := registry.NewCodec(schemas, billing.Schemas(), schema.Config{Prefix: cfg.Topics.Prefix})
	require.NoError(t, err)
	types, err := event.NewTypes(billing.Events()...)
	require.NoError(t, err)
	commands, queries := command.NewBus(command.Config{}), query.NewBus(query.Config{})
	_, err = account.Register(t.Context(), account.Config{
		Store: store, Codec: codec, Commands: commands, Queries: queries,
		Events: event.NewBus(types, event.BusConfig{}), Logger: logger,
	})
	require.NoError(t, err)

	ctx := event.WithCause(t.Context(), event.Cause{TraceParent: traceParent})
	require.NoError(t, errOf(commands.Dispatch(ctx, account.CreateAccount{
		AccountID:   "test-account-1",
		OwnerID:     "user-1",
		OwnerType:   "USER",
		AccountType: "USER",
		Currency:    "USD",
	}, command.WithID("command-1"), command.WithCorrelationID("request-1"), command.WithActor("admin-1"),
		command.WithMetadata(map[string]string{"tenant": "acme"}))))

	balance, err := query.Ask(ctx, queries, account.GetBalance{AccountID: "test-account-1"})
	require.NoError(t, err)
	require.Equal(t, "posted 0.00, held 0.00, available 0.00 USD", balance.String())
}

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// consumeFirst returns the first message that a new consumer group gets from the topic.
func consumeFirst(t *testing.T, brokers []string, topic string) *sarama.ConsumerMessage {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V2_8_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.IsolationLevel = sarama.ReadCommitted
	group, err := sarama.NewConsumerGroup(brokers, "group-of-"+topic, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, group.Close()) }()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first := make(firstMessage, 1)
	// Consume returns when the group rebalances, and if its coordinator is not ready yet.
	for len(first) == 0 && ctx.Err() == nil {
		err = group.Consume(ctx, []string{topic}, first)
	}
	require.NoError(t, ctx.Err(), "no message arrived: %v", err)
	return <-first
}

// firstMessage is a consumer that keeps the first message and ends its session.
type firstMessage chan *sarama.ConsumerMessage

func (firstMessage) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (firstMessage) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (f firstMessage) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m := <-claim.Messages():
			if m != nil {
				f <- m
				s.MarkMessage(m, "")
			}
			return nil
		case <-s.Context().Done():
			return nil
		}
	}
}

func checkPOCHeaders(t *testing.T, m *sarama.ConsumerMessage, begun, ended time.Time) {
	t.Helper()
	headers := make(map[string]string)
	for _, h := range m.Headers {
		_, twice := headers[string(h.Key)]
		require.False(t, twice, "header %s is there twice", h.Key)
		headers[string(h.Key)] = string(h.Value)
	}
	id, err := uuid.Parse(headers["eventId"])
	require.NoError(t, err)
	require.NotEqual(t, uuid.Nil, id)
	at, err := time.Parse(time.RFC3339Nano, headers["timestamp"])
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(headers["timestamp"], "Z"), "in UTC: %s", headers["timestamp"])
	require.False(t, at.Before(begun.Truncate(time.Millisecond)) || at.After(ended),
		"%s is not within %s and %s", at, begun, ended)
	require.Equal(t, at.UnixMilli(), m.Timestamp.UnixMilli(), "the record's timestamp is the event's time")
	delete(headers, "eventId")
	delete(headers, "timestamp")
	require.Regexp(t, "^[0-9a-f]{32}$", headers["commandDigest"], "of the command that the first event of a commit has")
	delete(headers, "commandDigest")
	require.Equal(t, map[string]string{
		"eventType":        "AccountCreated",
		"eventVersion":     "1",
		"aggregateType":    "Account",
		"aggregateVersion": "1",
		"commitFirst":      "1",
		"commitLength":     "1",
		"correlationId":    "request-1",
		"causationId":      "command-1",
		"commandId":        "command-1",
		"actorId":          "admin-1",
		"traceparent":      traceParent,
		"metadata.tenant":  "acme",
	}, headers)
}

func checkPOCValue(t *testing.T, m *sarama.ConsumerMessage, registryURL, topic string) {
	t.Helper()
	require.Greater(t, len(m.Value), 5)
	require.Zero(t, m.Value[0], "the magic byte of the wire format")
	id := binary.BigEndian.Uint32(m.Value[1:5])

	var byID struct{ Schema string }
	get(t, fmt.Sprintf("%s/schemas/ids/%d", registryURL, id), &byID)
	var registered struct {
		ID      uint32
		Version int
	}
	get(t, registryURL+"/subjects/"+topic+"-billing.account.AccountCreated/versions/latest", &registered)
	require.Equal(t, id, registered.ID)
	require.Equal(t, 1, registered.Version)

	codec, err := goavro.NewCodec(byID.Schema)
	require.NoError(t, err)
	native, rest, err := codec.NativeFromBinary(m.Value[5:])
	require.NoError(t, err)
	require.Empty(t, rest)
	fields, ok := native.(map[string]any)
	require.True(t, ok)
	require.Equal(t, "user-1", fields["ownerId"])
	require.Equal(t, "USER", fields["ownerType"])
	require.Equal(t, "USER", fields["accountType"])
	require.Equal(t, "USD", fields["currency"])
	require.Equal(t, int32(2), fields["exponent"])
	require.Nil(t, fields["maxBalance"])
	require.Nil(t, fields["minBalance"])
	require.Len(t, fields, 7)
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", url, body)
	require.NoError(t, json.Unmarshal(body, into))
}

// javaPartition is the partition that Kafka's Java client chooses for a key: murmur2, with the sign
// bit cleared, modulo the number of partitions.
func javaPartition(key string, partitions int32) int32 {
	const m, r = 0x5bd1e995, 24
	data := []byte(key)
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		h = h*m ^ (k^k>>r)*m
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h = (h ^ h>>13) * m
	return int32(h^h>>15) & 0x7fffffff % partitions
}
