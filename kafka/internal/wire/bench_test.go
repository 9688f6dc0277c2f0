package wire_test

import (
	"fmt"
	"testing"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

func BenchmarkNewBatch(b *testing.B) {
	records := make([]eventstore.Record, 50)
	for i := range records {
		records[i] = record()
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := wire.NewBatch(wire.NoTerm(), 1, records); len(got.Records) != len(records) {
			b.Fatal(fmt.Sprint(len(got.Records)))
		}
	}
}
