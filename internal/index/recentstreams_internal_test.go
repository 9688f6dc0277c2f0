package index

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ids may have the same hash. Each id finds its own stream.
func TestRecentStreams_ofTheSameHash(t *testing.T) {
	for _, drop := range []uint8{0, 62, 64} {
		s := newRecentStreams(0)
		s.drop = drop
		for i := range 50 {
			id := fmt.Sprint(i)
			require.Nil(t, s.find(id))
			added := s.add(id, int64(i+1), recentRecord{})
			require.Equal(t, int64(i+1), added.last())
			added.more = append(added.more, recentRecord{})
		}
		for i := range 50 {
			require.Equal(t, int64(i+2), s.find(fmt.Sprint(i)).last(), "%d bits dropped", drop)
		}
		require.Nil(t, s.find("none"))
	}
}
