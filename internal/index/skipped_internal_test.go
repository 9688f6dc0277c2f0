package index

import (
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// Many small batches of a foreign program are one range, before and after it is saved. And a look
// at a few offsets gets what is there, not all there is.
func TestManySkippedRangesCostWhatIsLookedAt(t *testing.T) {
	const many = 80_000
	for name, gap := range map[string]int64{"they touch": 0, "something counts in between": 1} {
		t.Run(name, func(t *testing.T) {
			id := Identity{ClusterID: "c", Topics: map[string]Topic{"t": {ID: "i", Partitions: 1}}}
			logger := slog.New(slog.NewTextHandler(io.Discard, nil))
			dir := t.TempDir()
			s, err := Open(dir, id, logger)
			require.NoError(t, err)
			p, err := s.Partition("t", 0)
			require.NoError(t, err)
			next := int64(0)
			for range many {
				next += gap
				require.NoError(t, p.Apply(Change{Skipped: []Range{{Offset: next, Length: 1}}, Checkpoint: Checkpoint{Next: next + 1}}))
				next++
			}
			want, all := 1, 1
			if gap > 0 {
				want, all = 50, many
			}
			look := func() {
				some, err := p.Skipped(next/2, next/2+100)
				require.NoError(t, err)
				require.LessOrEqual(t, len(some), want)
				require.NotEmpty(t, some)
			}
			look()
			before := testing.AllocsPerRun(10, look)
			require.Less(t, before, 100.0+float64(want))
			every, err := p.Skipped(0, next)
			require.NoError(t, err)
			require.Len(t, every, all)
			require.NoError(t, s.Close())

			s, err = Open(dir, id, logger)
			require.NoError(t, err)
			defer s.Close()
			p, err = s.Partition("t", 0)
			require.NoError(t, err)
			look()
			again, err := p.Skipped(0, next)
			require.NoError(t, err)
			require.Equal(t, every, again)
		})
	}
}
