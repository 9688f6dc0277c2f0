package wire_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch/batchtest"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// written returns a batch as its writer has it.
func written(change func(*eventstore.Record)) *sarama.RecordBatch {
	records := someRecords()[:3]
	change(&records[1])
	return wire.NewBatch(index.Term{ProducerID: 7, Epoch: 2}, 40, records)
}

// offset is where a broker has put a batch.
const offset = 100

// read returns the batch's fingerprint as a reader of the log finds it. The reader's broker has
// changed something in the header.
func read(t *testing.T, encoded []byte, change func(*sarama.RecordBatch)) index.Fingerprint {
	t.Helper()
	b, records := decoded(t, encoded)
	again := sarama.RecordBatch{
		Codec: b.Codec, LastOffsetDelta: b.LastOffsetDelta, ProducerID: b.ProducerID, ProducerEpoch: b.ProducerEpoch,
		FirstSequence:  b.FirstSequence,
		FirstTimestamp: time.UnixMilli(b.FirstTimestamp), MaxTimestamp: time.UnixMilli(b.MaxTimestamp),
		FirstOffset: offset, PartitionLeaderEpoch: 5,
	}
	for i := range records {
		again.Records = append(again.Records, &records[i])
	}
	change(&again)
	b, records = decoded(t, batchtest.Encode(&again))
	return wire.ReadFingerprint(b, records)
}

func decoded(t *testing.T, encoded []byte) (*recordbatch.Batch, []sarama.Record) {
	t.Helper()
	batches, err := recordbatch.Parse(encoded)
	require.NoError(t, err)
	require.Len(t, batches, 1)
	records, err := new(recordbatch.Decoder).Records(&batches[0])
	require.NoError(t, err)
	return &batches[0], records
}

// sent returns the bytes of the batch that Sarama sends to a broker.
func sent(t *testing.T, b *sarama.RecordBatch) []byte {
	t.Helper()
	config := sarama.NewConfig()
	config.Version, config.ApiVersionsRequest, config.ClientID = sarama.V2_8_0_0, false, "c"
	dialer := make(pipe, 1)
	config.Net.Proxy.Enable, config.Net.Proxy.Dialer = true, dialer
	broker := sarama.NewBroker("broker:1")
	require.NoError(t, broker.Open(config))
	defer broker.Close()
	r := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.NoResponse}
	r.AddBatch("t", 0, b)
	request := make(chan []byte, 1)
	go func() {
		server := <-dialer
		var length [4]byte
		_, _ = io.ReadFull(server, length[:])
		body := make([]byte, binary.BigEndian.Uint32(length[:]))
		_, _ = io.ReadFull(server, body)
		request <- body
	}()
	_, err := broker.Produce(r)
	require.NoError(t, err)
	// Header, transactional id, acks, time-out, one topic, one partition, length.
	const before = 8 + 3 + 2 + 2 + 4 + 4 + 3 + 4 + 4 + 4
	body := <-request
	require.Equal(t, len(body)-before, int(binary.BigEndian.Uint32(body[before-4:])))
	return body[before:]
}

// pipe hands out the broker's ends of connections.
type pipe chan net.Conn

// Dial is what Sarama calls.
func (p pipe) Dial(string, string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	p <- theirs
	return mine, nil
}

func TestWriterAndReadersFindTheSameFingerprint(t *testing.T) {
	same := func(*eventstore.Record) {}
	asWritten := func(*sarama.RecordBatch) {}
	batch := written(same)
	own := wire.WrittenFingerprint(batch, offset)
	encoded := sent(t, batch)
	found := read(t, encoded, asWritten)
	require.True(t, own.Same(found))
	require.True(t, found.Same(own))
	require.True(t, found.Same(found))
	for name, change := range map[string]func(*sarama.RecordBatch){
		"compressed anew": func(b *sarama.RecordBatch) {
			b.Codec, b.FirstTimestamp = sarama.CompressionZSTD, time.UnixMilli(1)
		},
		"given the broker's time": func(b *sarama.RecordBatch) {
			b.LogAppendTime, b.MaxTimestamp = true, time.UnixMilli(2)
		},
	} {
		require.True(t, own.Same(read(t, encoded, change)), name)
	}

	later := read(t, encoded, func(b *sarama.RecordBatch) { b.PartitionLeaderEpoch = 6 })
	require.False(t, found.Same(later), "another leader appended it")
	require.True(t, own.Same(later), "the writer does not know which one did")
	require.False(t, own.Same(wire.WrittenFingerprint(written(same), offset+1)))
	for name, change := range map[string]func(*eventstore.Record){
		"id":    func(r *eventstore.Record) { r.ID = "another" },
		"time":  func(r *eventstore.Record) { r.Timestamp = r.Timestamp.Add(1) },
		"key":   func(r *eventstore.Record) { r.AggregateID = "another" },
		"value": func(r *eventstore.Record) { r.Value = []byte("another") },
	} {
		require.False(t, own.Same(read(t, sent(t, written(change)), asWritten)), name)
	}
}

func TestFingerprintsOfBatchesThatDoNotCount(t *testing.T) {
	batch := func(change func(*sarama.RecordBatch)) index.Fingerprint {
		b := &sarama.RecordBatch{
			Control: true, ProducerID: 7, ProducerEpoch: 2, FirstSequence: -1,
			FirstTimestamp: time.UnixMilli(1), MaxTimestamp: time.UnixMilli(2), Records: []*sarama.Record{{}},
		}
		change(b)
		found, err := recordbatch.Parse(batchtest.Encode(b))
		require.NoError(t, err)
		return wire.HeaderFingerprint(&found[0])
	}
	marker := batch(func(*sarama.RecordBatch) {})
	require.True(t, marker.Same(batch(func(b *sarama.RecordBatch) {
		b.Records[0].Value = []byte("x")
	})), "records are not looked at")
	for name, change := range map[string]func(*sarama.RecordBatch){
		"producer":      func(b *sarama.RecordBatch) { b.ProducerID++ },
		"epoch":         func(b *sarama.RecordBatch) { b.ProducerEpoch++ },
		"sequence":      func(b *sarama.RecordBatch) { b.FirstSequence++ },
		"length":        func(b *sarama.RecordBatch) { b.LastOffsetDelta++ },
		"first time":    func(b *sarama.RecordBatch) { b.FirstTimestamp = time.UnixMilli(2) },
		"greatest time": func(b *sarama.RecordBatch) { b.MaxTimestamp = time.UnixMilli(3) },
		"control":       func(b *sarama.RecordBatch) { b.Control = false },
		"transaction":   func(b *sarama.RecordBatch) { b.IsTransactional = true },
		"leader":        func(b *sarama.RecordBatch) { b.PartitionLeaderEpoch++ },
	} {
		require.False(t, marker.Same(batch(change)), name)
	}
}
