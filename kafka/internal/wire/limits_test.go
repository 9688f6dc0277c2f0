package wire_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// stored returns a commit as a store keeps it, from version first on.
func stored(stream eventstore.Stream, first int64, records []eventstore.Record) []eventstore.Record {
	for i := range records {
		r := &records[i]
		r.Category, r.AggregateID, r.AggregateVersion = stream.Category, stream.ID, first+int64(i)
		r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(records)}
		r.Timestamp = r.Timestamp.UTC().Round(0)
	}
	return records
}

// TestWhatCheckTakesIsDecoded checks that every record that may be appended can be read again,
// unchanged.
func TestWhatCheckTakesIsDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream, records := eventstoretest.DrawCommit(t, rapid.SampledFrom([]string{"A", "Account"}).Draw(t, "category"))
		if eventstore.Check(eventstore.To(stream, eventstore.Any, records...), eventstore.WholeID) != nil {
			return
		}
		first := rapid.SampledFrom([]int64{1, 2, math.MaxInt64 - int64(len(records))}).Draw(t, "first")
		for _, r := range stored(stream, first, records) {
			got, err := wire.Decode(wire.Encode(&r))
			require.NoError(t, err)
			if len(r.Metadata) == 0 {
				r.Metadata = nil
			}
			require.Equal(t, r, got)
		}
	})
}

// TestLargestCommitsFitAMessage sends commits of the largest size, and counts the bytes that a
// broker gets. The parts that Size does not count are as long as allowed, and nothing can be
// compressed.
func TestLargestCommitsFitAMessage(t *testing.T) {
	const maxMessageBytes = 1_048_588 // the brokers' default of max.message.bytes
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, n := range []int{1, 2, 10, 500, eventstore.MaxCommitRecords} {
		for _, entries := range []int{0, 1, 100} {
			t.Run(fmt.Sprintf("%d records with %d entries of metadata", n, entries), func(t *testing.T) {
				stream, records := incompressible(random, n, entries)
				commit := eventstore.To(stream, eventstore.Any, records...)
				require.NoError(t, eventstore.Check(commit, eventstore.WholeID))
				total := 0
				for i := range records {
					total += eventstore.Size(records[i])
				}
				require.Equal(t, eventstore.MaxCommitBytes, total)
				records = stored(stream, math.MaxInt64-int64(n), records)
				sent := bytesSent(t, wire.NewBatch(index.Term{ProducerID: math.MaxInt64, Epoch: math.MaxInt16},
					math.MaxInt32, records))
				t.Logf("%d bytes", sent)
				require.Less(t, sent, maxMessageBytes)
			})
		}
	}
}

// incompressible returns a commit of n records that has exactly the largest size.
func incompressible(random *rand.Rand, n, entries int) (eventstore.Stream, []eventstore.Record) {
	text := func(length int) string {
		b := make([]byte, length)
		for i := range b {
			b[i] = byte(random.IntN(128))
		}
		return string(b)
	}
	name := func() string {
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		b := []byte("A")
		for len(b) < eventstore.MaxTypeBytes {
			b = append(b, letters[random.IntN(len(letters))])
		}
		return string(b)
	}
	records := make([]eventstore.Record, n)
	left := eventstore.MaxCommitBytes
	command := text(10)
	for i := range records {
		r := &records[i]
		r.ID, r.Type, r.Revision, r.CommandID = text(10), name(), eventstore.MaxRevision, command
		r.Timestamp = time.Unix(random.Int64N(1<<32), 999_999_999-random.Int64N(900_000_000))
		r.Value = []byte{1}
		r.CorrelationID, r.CausationID, r.CommandCausationID, r.ActorID, r.TraceParent = text(1), text(1), text(1),
			text(1), text(1)
		for range min(entries, (left/(n-i)-eventstore.Size(*r))/100) {
			if r.Metadata == nil {
				r.Metadata = make(map[string]string)
			}
			r.Metadata[text(10)] = text(3)
		}
		if i == 0 {
			r.CommandDigest = text(eventstore.MaxDigestBytes)
		}
		more := make([]byte, max(0, left/(n-i)-eventstore.Size(*r)))
		for j := range more {
			more[j] = byte(random.Uint32())
		}
		r.Value = append(r.Value, more...)
		left -= eventstore.Size(*r)
	}
	return eventstore.Stream{Category: name(), ID: text(eventstore.MaxIDBytes)}, records
}

// bytesSent returns the length of the request that Sarama makes of a batch.
func bytesSent(t *testing.T, batch *sarama.RecordBatch) int {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	length := make(chan int, 1)
	go func() {
		defer close(length)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		n := int64(binary.BigEndian.Uint32(size[:]))
		if _, err := io.CopyN(io.Discard, conn, n); err == nil {
			length <- int(n)
		}
	}()
	cfg := sarama.NewConfig()
	cfg.ApiVersionsRequest = false
	cfg.Producer.MaxMessageBytes = math.MaxInt32
	broker := sarama.NewBroker(listener.Addr().String())
	require.NoError(t, broker.Open(cfg))
	defer broker.Close()
	request := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.NoResponse}
	request.AddBatch("t", 0, batch)
	_, err = broker.Produce(request)
	require.NoError(t, err)
	n, ok := <-length
	require.True(t, ok)
	return n
}
