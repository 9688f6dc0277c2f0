package kafka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
)

// A foreign transaction has ended an idle owner's term. The owner has noticed, and the coordinator
// has not answered the renewal yet. Appends wait for the renewal meanwhile, because under the old
// term they would not count.
func TestIdleOwner_appendsWhileItMendsItsTerm(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	held, release := holdRequest(t, c, kmsg.InitProducerID, renews)
	s := open(t, cfg)
	transactForeign(t, cfg)
	<-held
	rs := records(1, "")
	done := make(chan error, 1)
	go func() {
		_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, rs...))
		done <- err
	}()
	require.Never(t, func() bool {
		return len(done) > 0
	}, 100*time.Millisecond, time.Millisecond, "nothing of its term counts any more")
	release()
	require.NoError(t, <-done)
	require.Equal(t, idsOf(rs), ids(t, s, "a"))
	require.NoError(t, s.Close())
	require.Equal(t, idsOf(rs), ids(t, open(t, cfg), "a"), "as another process reads it")
}
