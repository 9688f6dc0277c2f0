package bank_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// topic is a partition in the making.
type topic struct {
	log  *bank.Log
	next int64
}

func (t *topic) marker(producer int64) {
	t.log.Add(history.Record{Offset: t.next, ProducerID: producer, Marker: true})
	t.next++
}

// event adds an event of a commit of several streams.
func (t *topic) event(producer int64, stream string, version int64, index, size int) {
	t.log.Add(history.Record{
		Offset: t.next, ProducerID: producer, Stream: stream, Version: version, Index: index, Size: size,
	})
	t.next++
}

// single adds an event of a commit of one stream.
func (t *topic) single(producer int64, stream string, version, first int64, length int) {
	t.log.Add(history.Record{
		Offset: t.next, ProducerID: producer, Stream: stream, Version: version, First: first, Length: length,
	})
	t.next++
}

// A commit counts whole or not at all, and only if each of its events continues its stream.
func TestCommitsCountWhole(t *testing.T) {
	p := &topic{log: bank.NewLog()}
	p.event(1, "b/x", 1, 1, 1) // no marker yet
	p.marker(1)
	p.event(1, "b/x", 1, 1, 2)
	p.event(1, "b/y", 1, 2, 2)
	p.single(1, "b/x", 2, 2, 2)
	p.single(1, "b/x", 3, 2, 2)
	require.Len(t, p.log.Bank("b"), 2)
	require.Len(t, p.log.Strays(), 1)

	p.event(1, "b/x", 4, 1, 2) // its rest is missing
	p.event(1, "b/x", 4, 1, 2)
	p.event(1, "b/y", 2, 2, 2)
	require.Len(t, p.log.Bank("b"), 3)
	require.Len(t, p.log.Strays(), 2)

	p.event(1, "b/y", 3, 2, 2) // its beginning is missing
	require.Len(t, p.log.Strays(), 3)

	p.event(1, "b/x", 5, 1, 3)
	p.event(1, "b/y", 4, 2, 3) // this one does not continue its stream, so all three do not count
	p.event(1, "b/x", 6, 3, 3)
	require.Len(t, p.log.Strays(), 6)

	p.event(1, "b/x", 5, 1, 2)
	p.marker(2) // amid a commit
	p.event(1, "b/y", 3, 2, 2)
	require.Len(t, p.log.Strays(), 8)

	p.event(2, "b/x", 5, 1, 2)
	p.next++ // a gap
	p.event(2, "b/y", 3, 2, 2)
	require.Len(t, p.log.Strays(), 10)

	p.event(2, "b/x", 5, 1, 2)
	p.single(2, "b/x", 6, 5, 2) // of another commit
	require.Len(t, p.log.Strays(), 12)

	p.event(2, "b/x", 5, 1, 3)
	p.event(2, "b/y", 3, 2, 2) // of a smaller commit
	require.Len(t, p.log.Strays(), 14)

	require.Equal(t, []string{"b"}, p.log.Banks())
	require.Len(t, p.log.Bank("b"), 3)
	all, several := p.log.Commits()
	require.Equal(t, 3, all)
	require.Equal(t, 2, several)
}

func TestBanksOfOnePartition(t *testing.T) {
	p := &topic{log: bank.NewLog()}
	p.marker(1)
	p.event(1, "b/x", 1, 1, 2)
	p.event(1, "b/y", 1, 2, 2)
	p.single(1, "c/x", 1, 1, 1)
	require.Equal(t, []string{"b", "c"}, p.log.Banks())
	require.Len(t, p.log.Bank("b"), 1)
	require.Len(t, p.log.Bank("c"), 1)
}
