package history_test

import (
	"testing"

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
