package wire_test

import (
	"fmt"
	"testing"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

func someRecords() []eventstore.Record {
	records := make([]eventstore.Record, 50)
	for i := range records {
		records[i] = record()
	}
	return records
}

func BenchmarkNewBatch(b *testing.B) {
	records := someRecords()
	b.ReportAllocs()
	for b.Loop() {
		if got := wire.NewBatch(index.NoTerm(), 1, records); len(got.Records) != len(records) {
			b.Fatal(fmt.Sprint(len(got.Records)))
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	batch := wire.NewBatch(index.Term{}, 0, someRecords())
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range batch.Records {
			if _, err := wire.Decode(r); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	batch := wire.NewBatch(index.Term{}, 0, someRecords())
	b.ReportAllocs()
	for b.Loop() {
		if wire.WrittenFingerprint(batch, 1).Sum == 0 {
			b.Fatal("no sum")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(batch.Records)), "ns/record")
}
