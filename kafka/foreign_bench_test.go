package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/fencelog/fencelog/eventstore"
)

// BenchmarkReadCategoryAmongForeignBatches reads a category of 15,000 records. It does so without
// foreign batches, and with 80,000 batches that a foreign program has added.
func BenchmarkReadCategoryAmongForeignBatches(b *testing.B) {
	for name, foreign := range map[string]int{"none": 0, "80000": 80_000} {
		b.Run(name, func(b *testing.B) {
			_, cfg := fake(b)
			s := open(b, cfg)
			const commits, each = 30, 500
			c := foreigner(b, cfg, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(64),
				kgo.ProducerLinger(0),
				kgo.ProducerBatchMaxBytes(512), kgo.ProducerBatchCompression(kgo.NoCompression()))
			for i := range commits {
				_, err := s.Append(b.Context(),
					eventstore.To(stream("a"), eventstore.Expected(i*each), records(each, "")...))
				require.NoError(b, err)
				for range foreign / commits {
					r := garbage(cfg)
					r.Value = make([]byte, 300) // a second record does not fit into the batch
					c.Produce(b.Context(), r, nil)
				}
				require.NoError(b, c.Flush(b.Context()))
			}
			eventually(b, "all is read", func() bool { return s.Skipped() >= int64(foreign/commits*(commits-1)) })
			for b.Loop() {
				n := 0
				for _, err := range s.ReadCategory(b.Context(), category, eventstore.Beginning()) {
					require.NoError(b, err)
					n++
				}
				require.Equal(b, commits*each, n)
			}
		})
	}
}
