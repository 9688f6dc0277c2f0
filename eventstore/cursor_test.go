package eventstore_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func TestCursor(t *testing.T) {
	t.Parallel()
	c := make(eventstore.Cursor)
	require.False(t, c.Seen(event.Position{}), "an empty cursor has seen nothing, not even offset 0")
	c.Advance(event.Position{Partition: 2, Offset: 7})
	for _, x := range []struct {
		at   event.Position
		seen bool
	}{
		{event.Position{Partition: 2, Offset: 6}, true},
		{event.Position{Partition: 2, Offset: 7}, true},
		{event.Position{Partition: 2, Offset: 8}, false},
		{event.Position{Partition: 1, Offset: 0}, false},
	} {
		require.Equal(t, x.seen, c.Seen(x.at), x.at)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(0), eventstore.Beginning().Offset(3))
	require.True(t, eventstore.Beginning().Time().IsZero())

	c := eventstore.Cursor{3: 0, 4: 41}
	after := eventstore.After(c)
	c[3], c[5] = 100, 100 // the caller reads on while the store still uses what it was given
	for p, want := range map[int32]int64{0: 0, 3: 1, 4: 42, 5: 0} {
		require.Equal(t, want, after.Offset(p), "partition %d", p)
	}
	require.True(t, after.Time().IsZero())
	require.Equal(t, int64(0), eventstore.After(nil).Offset(0))
	require.Equal(t, int64(math.MaxInt64), eventstore.After(eventstore.Cursor{0: math.MaxInt64}).Offset(0))
	require.Equal(t, eventstore.Beginning(), eventstore.Start{})
}

func TestSinceMilliseconds(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ t, want time.Time }{
		{time.Unix(10, 1_999_999), time.Unix(10, 1_000_000)},
		{time.Unix(10, 1_000_000), time.Unix(10, 1_000_000)},
		{time.Unix(0, -1), time.Unix(0, -1_000_000)},
		{time.Time{}, time.Time{}},
	} {
		since := eventstore.Since(x.t)
		require.True(t, x.want.Equal(since.Time()), "since %s: found %s", x.t, since.Time())
		require.Equal(t, int64(0), since.Offset(0))
	}
}

func ExampleAfter() {
	cursor := make(eventstore.Cursor)
	cursor.Advance(event.Position{Partition: 1, Offset: 41})
	start := eventstore.After(cursor)
	fmt.Println("partition 0 from offset", start.Offset(0))
	fmt.Println("partition 1 from offset", start.Offset(1))
	// Output:
	// partition 0 from offset 0
	// partition 1 from offset 42
}
