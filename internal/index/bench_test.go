package index_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

const (
	benchStreams = 10_000
	benchEvents  = 10 // of each stream
)

func streamName(i int) string { return fmt.Sprintf("0190a3c4-7b1e-7cc3-9a51-%012x", i*7919) }

// benchRecord returns an event of some 250 bytes.
func benchRecord(rng *rand.Rand, stream int, version int64, offset int64) eventstore.Record {
	value := make([]byte, 120)
	for i := range value {
		value[i] = byte(rng.Uint32())
	}
	return eventstore.Record{
		Header: event.Header{
			ID: fmt.Sprintf("0190a3c4-7b1e-7cc3-9a52-%012x", rng.Uint64()>>16), Type: "AccountCredited", Revision: 1, Category: "Account",
			AggregateID: streamName(stream), AggregateVersion: version, Timestamp: time.Unix(1_700_000_000, offset).UTC(),
			CorrelationID: "0190a3c4-7b1e-7cc3-9a53-000000000000", CausationID: "0190a3c4-7b1e-7cc3-9a54-000000000000",
			CommandID: fmt.Sprintf("0190a3c4-7b1e-7cc3-9a54-%012x", rng.Uint64()>>16), ActorID: "user-1",
		},
		Value: value, Position: event.Position{Offset: offset}, Commit: eventstore.CommitPart{First: version, Length: 1},
	}
}

// filled returns an index on disk of many streams, whose events came in turns; it was closed and
// opened again.
func filled(b *testing.B) *index.Partition {
	b.Helper()
	dir := b.TempDir()
	open := func() (*index.Store, *index.Partition) {
		s, err := index.Open(dir, index.Identity{ClusterID: "c", Topics: map[string]index.Topic{"t": {ID: "i", Partitions: 1}}},
			slog.New(slog.NewTextHandler(io.Discard, nil)))
		require.NoError(b, err)
		p, err := s.Partition("t", 0)
		require.NoError(b, err)
		return s, p
	}
	s, p := open()
	rng := rand.New(rand.NewPCG(1, 1))
	offset := int64(1)
	for version := range int64(benchEvents) {
		for begin := 0; begin < benchStreams; begin += 500 {
			var c index.Change
			for i := range 500 {
				c.Records = append(c.Records, benchRecord(rng, begin+i, version+1, offset))
				offset++
			}
			c.Checkpoint.Next = offset
			require.NoError(b, p.Apply(c))
		}
	}
	require.NoError(b, s.Close())
	s, p = open()
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return p
}

func BenchmarkStream(b *testing.B) {
	p := filled(b)
	rng := rand.New(rand.NewPCG(2, 2))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range p.Stream(streamName(rng.IntN(benchStreams)), 1) {
			require.NoError(b, err)
			n++
		}
		if n != benchEvents {
			b.Fatalf("%d events", n)
		}
	}
}

func BenchmarkVersion(b *testing.B) {
	p := filled(b)
	rng := rand.New(rand.NewPCG(2, 2))
	for name, offset := range map[string]int{"present": 0, "absent": 10 * benchStreams} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := p.Version(streamName(offset + rng.IntN(benchStreams)))
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	p := filled(b)
	rng := rand.New(rand.NewPCG(3, 3))
	offset := p.Checkpoint().Next
	stream := 10 * benchStreams
	for _, n := range []int{1, 50, 1000} {
		changes := make([]index.Change, 64)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			i := len(changes)
			for b.Loop() {
				if i == len(changes) {
					b.StopTimer()
					for i = range changes {
						changes[i].Records = nil
						for range n {
							stream, offset = stream+1, offset+1
							changes[i].Records = append(changes[i].Records, benchRecord(rng, stream, 1, offset))
						}
						changes[i].Checkpoint.Next = offset + 1
					}
					i = 0
					b.StartTimer()
				}
				require.NoError(b, p.Apply(changes[i]))
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
