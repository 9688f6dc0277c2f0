package wire_test

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// written returns a batch as its writer has it.
func written(change func(*eventstore.Record)) *sarama.RecordBatch {
	records := someRecords()[:3]
	change(&records[1])
	return wire.NewBatch(wire.Term{ProducerID: 7, Epoch: 2}, 40, records)
}

// read returns the batch as a reader gets it: at its offset, and with what a broker has put into its header.
func read(b *sarama.RecordBatch) *sarama.RecordBatch {
	b.FirstOffset, b.PartitionLeaderEpoch = 100, 5
	b.FirstTimestamp, b.MaxTimestamp = time.UnixMilli(1), time.UnixMilli(2) // compressed anew, and told to give its own time
	return b
}

func TestWriterAndReadersFindTheSameFingerprint(t *testing.T) {
	same := func(*eventstore.Record) {}
	own := wire.WrittenFingerprint(written(same), 100)
	found := wire.FingerprintOf(read(written(same)), true)
	require.True(t, own.Same(found))
	require.True(t, found.Same(own))
	require.True(t, found.Same(found))

	later := read(written(same))
	later.PartitionLeaderEpoch = 6
	require.False(t, found.Same(wire.FingerprintOf(later, true)), "another leader appended it")
	require.True(t, own.Same(wire.FingerprintOf(later, true)), "the writer does not know which one did")
	require.False(t, own.Same(wire.WrittenFingerprint(written(same), 101)))
	for name, change := range map[string]func(*eventstore.Record){
		"id":    func(r *eventstore.Record) { r.ID = "another" },
		"time":  func(r *eventstore.Record) { r.Timestamp = r.Timestamp.Add(1) },
		"key":   func(r *eventstore.Record) { r.AggregateID = "another" },
		"value": func(r *eventstore.Record) { r.Value = []byte("another") },
	} {
		require.False(t, own.Same(wire.FingerprintOf(read(written(change)), true)), name)
	}
}

func TestFingerprintsOfBatchesThatDoNotCount(t *testing.T) {
	batch := func(change func(*sarama.RecordBatch)) wire.Fingerprint {
		b := &sarama.RecordBatch{
			Control: true, ProducerID: 7, ProducerEpoch: 2, FirstSequence: -1,
			FirstTimestamp: time.UnixMilli(1), MaxTimestamp: time.UnixMilli(2),
		}
		change(b)
		return wire.FingerprintOf(b, false)
	}
	marker := batch(func(*sarama.RecordBatch) {})
	require.True(t, marker.Same(batch(func(b *sarama.RecordBatch) { b.Records = []*sarama.Record{{}} })), "records are not looked at")
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
