package kafka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
)

// A store that follows loses the permission to read, and gets it back. It says so meanwhile, and
// goes on by itself.
func TestFollow_goesOnAfterARefusal(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	owner := open(t, cfg)
	reading := cfg
	reader := openReader(t, reading)
	refusing := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	rs := records(2, "")
	_, err := owner.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, rs...))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return reader.Status()[0].Err != nil }, time.Minute, time.Millisecond)
	require.ErrorContains(t, reader.Status()[0].Err, "no permission for Read on topic "+topic)
	require.ErrorContains(t, firstError(reader.ReadStream(t.Context(), stream("a"), 1)), "no permission")

	refusing.Remove()
	require.Eventually(t, func() bool { return reader.Status()[0].Err == nil }, time.Minute, time.Millisecond)
	awaitVersion(t, reader, "a", 2)
	require.Equal(t, idsOf(rs), ids(t, reader, "a"))
	require.NoError(t, owner.Status()[0].Err)
}
