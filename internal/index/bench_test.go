package index_test

import (
	"fmt"
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
			ID: fmt.Sprintf("0190a3c4-7b1e-7cc3-9a52-%012x", rng.Uint64()>>16), Type: "AccountCredited", Revision: 1,
			Category:    "Account",
			AggregateID: streamName(stream), AggregateVersion: version,
			Timestamp:     time.Unix(1_700_000_000, offset).UTC(),
			CorrelationID: "0190a3c4-7b1e-7cc3-9a53-000000000000", CausationID: "0190a3c4-7b1e-7cc3-9a54-000000000000",
			CommandID: fmt.Sprintf("0190a3c4-7b1e-7cc3-9a54-%012x", rng.Uint64()>>16), ActorID: "user-1",
		},
		Value: value, Position: event.Position{Offset: offset},
		Commit: eventstore.CommitPart{Index: 1, Size: 1},
	}
}

// open opens an index of one partition.
func open(b *testing.B, dir string, key eventstore.PartitionKey) (*index.Store, *index.Partition) {
	b.Helper()
	s, err := index.Open(dir, index.Identity{
		ClusterID: "c", Topics: map[string]index.Topic{"t": {ID: "i", Partitions: 1, PartitionKey: key}},
	}, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	p, err := s.Partition("t", 0)
	require.NoError(b, err)
	return s, p
}

// filled returns an index on disk of many streams, whose events came in turns; it was closed and
// opened again. Each event is of a command.
func filled(b *testing.B, key eventstore.PartitionKey, streams, events int) (*index.Store, *index.Partition) {
	b.Helper()
	dir := b.TempDir()
	s, p := open(b, dir, key)
	rng := rand.New(rand.NewPCG(1, 1))
	next := 0
	for turn := range events {
		for begin := 0; begin < streams; begin += 500 {
			var c index.Change
			for i := range 500 {
				r := benchRecord(rng, begin+i, int64(turn)+1, int64(next))
				r.AggregateID, r.CommandID = idOf(key, begin+i), commandName(next)
				r.CommandDigest = fmt.Sprintf("%032x", next)
				c.Records = append(c.Records, r)
				next++
			}
			c.Checkpoint.Next = int64(next)
			require.NoError(b, p.Apply(c))
		}
	}
	require.NoError(b, s.Close())
	s, p = open(b, dir, key)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s, p
}

func BenchmarkStream(b *testing.B) {
	_, p := filled(b, eventstore.WholeID, benchStreams, benchEvents)
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
	_, p := filled(b, eventstore.WholeID, benchStreams, benchEvents)
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

const (
	lookStreams    = 20_000
	lookEvents     = 10 // of each stream
	streamsOfGroup = 100
)

func commandName(i int) string { return fmt.Sprintf("0190a3c4-7b1e-7cc3-9a55-%012x", i*104729) }

// idOf returns an id whose partition key has streamsOfGroup streams if it is the part before the
// slash.
func idOf(key eventstore.PartitionKey, stream int) string {
	if key == eventstore.BeforeSlash {
		return streamName(stream/streamsOfGroup) + "/" + streamName(stream)
	}
	return streamName(stream)
}

// BenchmarkLook measures what an append asks of an index on disk with 200,000 commits of commands.
func BenchmarkLook(b *testing.B) {
	for _, key := range []eventstore.PartitionKey{eventstore.WholeID, eventstore.BeforeSlash} {
		b.Run(key.String(), func(b *testing.B) { benchmarkLook(b, key) })
	}
}

func benchmarkLook(b *testing.B, key eventstore.PartitionKey) {
	b.Helper()
	s, p := filled(b, key, lookStreams, lookEvents)
	const commands = lookStreams * lookEvents
	look := func(stream, command int, repeated bool) {
		found, err := p.Look(idOf(key, stream), commandName(command))
		if err != nil || found.Repeated != repeated {
			b.Fatal(found, err)
		}
	}
	look(1, commands, false) // begins to complete the filter
	for _, run := range []struct {
		name string
		look func(i int)
	}{
		{"new command", func(i int) { look(i%lookStreams, commands+i, false) }},
		{"new command, new stream", func(i int) { look(lookStreams+i%lookStreams, commands+i, false) }},
		{"repeated command", func(i int) { look(i%lookStreams, i%commands, true) }},
	} {
		b.Run(run.name, func(b *testing.B) {
			b.ReportAllocs()
			rng := rand.New(rand.NewPCG(2, 2))
			for b.Loop() {
				run.look(rng.IntN(1 << 30))
			}
			b.ReportMetric(float64(s.Bytes())/commands, "B/commit")
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, key := range []eventstore.PartitionKey{eventstore.WholeID, eventstore.BeforeSlash} {
		for _, n := range []int{1, 50, 1000} {
			b.Run(fmt.Sprintf("%s/%d", key, n), func(b *testing.B) { benchmarkApply(b, key, n) })
		}
	}
}

// benchmarkApply applies changes of n commits, each of one event of a new stream.
func benchmarkApply(b *testing.B, key eventstore.PartitionKey, n int) {
	b.Helper()
	s, p := open(b, b.TempDir(), key)
	defer func() { require.NoError(b, s.Close()) }()
	rng := rand.New(rand.NewPCG(3, 3))
	offset, stream := int64(0), 0
	changes := make([]index.Change, 64)
	i := len(changes)
	b.ReportAllocs()
	for b.Loop() {
		if i == len(changes) {
			b.StopTimer()
			for i = range changes {
				changes[i].Records = nil
				for range n {
					stream, offset = stream+1, offset+1
					r := benchRecord(rng, stream, 1, offset)
					r.AggregateID = idOf(key, stream)
					changes[i].Records = append(changes[i].Records, r)
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
}
