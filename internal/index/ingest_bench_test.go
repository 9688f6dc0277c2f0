//go:build unix

package index_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

// cpuTime returns the processor time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ingest is what BenchmarkIngest fills an index with.
type ingest struct {
	name    string
	streams int // of all ten partitions
	turns   int // in which the events of a stream come
	commit  int // events of a stream that come at once
	several int // streams of a commit, by BeforeSlash; 0 for one, by WholeID
}

func (in ingest) key() eventstore.PartitionKey {
	if in.several > 0 {
		return eventstore.BeforeSlash
	}
	return eventstore.WholeID
}

// idOf returns the id of the stream that has a place in the order.
func (in ingest) idOf(order []int, place int) string {
	if in.several > 0 {
		return scattered(-1-place/ingestBatch) + "/" + scattered(order[place])
	}
	return scattered(order[place])
}

// records returns how many records a commit has.
func (in ingest) records() int { return in.commit * max(in.several, 1) }

// BenchmarkIngest measures what an index costs over its life. Ten partitions take events in batches
// of 64 commits. Before each commit the benchmark asks for the version and the command, as an
// append does. Pebble's compactions are part of the cost. Then streams are loaded, with what was
// written last no longer in memory.
func BenchmarkIngest(b *testing.B) {
	for _, in := range []ingest{
		{"new streams, one event each", 1_000_000, 1, 1, 0},
		{"streams of ten events, all at once", 100_000, 1, 10, 0},
		{"streams of ten events, in ten turns", 100_000, 10, 1, 0},
		{"the same, by BeforeSlash", 100_000, 10, 1, 1},
		{"the same, commits of two streams", 100_000, 10, 1, 2},
	} {
		b.Run(in.name, func(b *testing.B) {
			for b.Loop() {
				in.run(b)
			}
		})
	}
}

const (
	ingestPartitions = 10
	ingestBatch      = 64
)

// changes calls use with everything that is applied, and the number of the partition.
func (in ingest) changes(order []int, use func(partition int, c index.Change)) {
	rng := rand.New(rand.NewPCG(1, 1))
	var offsets [ingestPartitions]int64
	for turn := range in.turns {
		for begin := 0; begin < in.streams; begin += ingestBatch {
			at := partitionOf(begin)
			var c index.Change
			for place := begin; place < min(begin+ingestBatch, in.streams); place++ {
				first := int64(turn*in.commit) + 1
				for i := range int64(in.commit) {
					r := benchRecord(rng, order[place], first+i, offsets[at])
					r.AggregateID = in.idOf(order, place)
					part := len(c.Records) % in.records()
					r.Commit = eventstore.CommitPart{Index: part + 1, Size: in.records(), Several: in.several > 1}
					if part > 0 && in.several > 0 {
						r.CommandID = c.Records[len(c.Records)-1].CommandID
					}
					c.Records = append(c.Records, r)
					offsets[at]++
				}
			}
			c.Checkpoint.Next = offsets[at]
			use(at, c)
		}
	}
}

func partitionOf(place int) int { return place / ingestBatch % ingestPartitions }

func (in ingest) run(b *testing.B) {
	b.Helper()
	order := rand.New(rand.NewPCG(2, 2)).Perm(in.streams)
	before := cpuTime()
	in.changes(order, func(int, index.Change) {})
	making := cpuTime() - before

	dir := b.TempDir()
	id := index.Identity{ClusterID: "c", Topics: map[string]index.Topic{
		"t": {ID: "i", Partitions: ingestPartitions, PartitionKey: in.key()},
	}}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := index.Open(dir, id, logger)
	require.NoError(b, err)
	partitions := make([]*index.Partition, ingestPartitions)
	for i := range partitions {
		partitions[i], err = s.Partition("t", int32(i))
		require.NoError(b, err)
	}
	before = cpuTime()
	in.changes(order, func(at int, c index.Change) {
		p := partitions[at]
		for i := 0; i < len(c.Records); i += in.commit {
			r := &c.Records[i]
			command := r.CommandID
			if i%in.records() > 0 {
				command = "" // it was asked for with the commit's first stream
			}
			found, err := p.Look(r.AggregateID, command)
			if err != nil || found.Version != r.AggregateVersion-1 || found.Repeated {
				b.Fatal(found, r.AggregateVersion, err)
			}
		}
		if err := p.Apply(c); err != nil {
			b.Fatal(err)
		}
	})
	bytes := s.Bytes()
	require.NoError(b, s.Close())
	used := cpuTime() - before - making
	events := in.streams * in.turns * in.commit
	b.ReportMetric(float64(used.Nanoseconds())/float64(events), "cpu-ns/event")
	b.ReportMetric(float64(bytes)/float64(events), "B/event")
	b.ReportMetric(0, "ns/op")

	s, err = index.Open(dir, id, logger)
	require.NoError(b, err)
	defer s.Close()
	const loads = 20_000
	times := make([]time.Duration, loads)
	rng := rand.New(rand.NewPCG(3, 3))
	before = cpuTime()
	for i := range times {
		k := rng.IntN(in.streams)
		p, err := s.Partition("t", int32(partitionOf(k)))
		require.NoError(b, err)
		t := time.Now()
		n := 0
		for _, err := range p.Stream(in.idOf(order, k), 1) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		times[i] = time.Since(t)
		if n != in.turns*in.commit {
			b.Fatal(n)
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/loads, "cpu-ns/load")
	b.ReportMetric(float64(times[loads/2].Nanoseconds()), "p50-ns/load")
	b.ReportMetric(float64(times[loads*99/100].Nanoseconds()), "p99-ns/load")
}

// scattered returns the names of streams in no order.
func scattered(i int) string {
	x := uint64(i) * 0x9e3779b97f4a7c15
	y := (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", x>>32, x>>16&0xffff, x&0xffff, y>>48, y&0xffffffffffff)
}
