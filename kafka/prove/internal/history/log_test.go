package history_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// A term that another term's marker has ended never counts again, whatever markers follow. Such a
// marker may be there twice, or come from an owner that has not noticed the end of its term.
func TestEndedTermsStayEnded(t *testing.T) {
	l := history.NewLog()
	offset := int64(-1)
	marker := func(producer int64) {
		offset++
		l.Add(history.Record{Offset: offset, ProducerID: producer, Marker: true})
	}
	event := func(producer, version int64) {
		offset++
		l.Add(history.Record{Offset: offset, ProducerID: producer, Stream: stream, Version: version})
	}
	marker(1)
	event(1, 1)
	marker(1) // twice
	event(1, 2)
	marker(2) // overtaken
	event(2, 3)
	marker(1) // again: it changes nothing
	event(1, 4)
	event(2, 4)
	marker(3)
	event(2, 5)
	event(3, 5)
	require.Len(t, l.Stream(stream), 5)
	require.Len(t, l.Strays(), 2)
	require.Equal(t, int64(1), l.Strays()[0].ProducerID)
	require.Equal(t, int64(2), l.Strays()[1].ProducerID)
}

// Times of events never go back within a partition. Records that do not count may have any time.
func TestTimesNeverGoBack(t *testing.T) {
	l := history.NewLog()
	l.Add(history.Record{ProducerID: 1, Marker: true})
	add := func(offset int64, partition int32, version int64, seconds int64) {
		l.Add(history.Record{
			Offset: offset, Partition: partition, ProducerID: 1, Stream: stream, Version: version,
			Time: time.Unix(seconds, 0),
		})
	}
	add(1, 0, 1, 100)
	add(2, 0, 2, 100)
	add(3, 0, 9, 200) // it does not count
	add(4, 0, 3, 150)
	require.Empty(t, l.Late())
	add(5, 0, 4, 149)
	add(6, 0, 5, 149)
	require.Len(t, l.Late(), 1)
	require.Equal(t, int64(5), l.Late()[0].Offset)
	l.Add(history.Record{Offset: 0, Partition: 1, ProducerID: 1, Marker: true})
	add(1, 1, 6, 3)
	require.Len(t, l.Late(), 1, "it is another partition")
}

// The value of an event of these streams is its id.
func TestValuesAreEventIDs(t *testing.T) {
	l := history.NewLog()
	l.Add(history.Record{ProducerID: 1, Marker: true})
	l.Add(history.Record{Offset: 1, ProducerID: 1, Stream: stream, Version: 1, Event: "1.0", Value: "another"})
	require.Len(t, l.Strays(), 1)
}
