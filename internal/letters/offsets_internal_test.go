package letters

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore/subscription"
)

func TestOffsetsAreASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(math.MaxInt64-200, math.MaxInt64),
			rapid.Int64Range(0, math.MaxInt64))
		o, want := make(offsets), make(map[int64]bool)
		for _, offset := range rapid.SliceOf(some).Draw(t, "added") {
			o.add(offset)
			want[offset] = true
		}
		for _, offset := range rapid.SliceOf(some).Draw(t, "asked") {
			require.Equal(t, want[offset], o.has(offset), offset)
		}
		for offset := range want {
			require.True(t, o.has(offset))
		}
		from := rapid.OneOf(some, rapid.SampledFrom([]int64{0, 63, 64, 65})).Draw(t, "cut from")
		o.cut(from)
		for offset := range want {
			require.Equal(t, offset < from, o.has(offset), offset)
		}
	})
}

// The memory of a million letters in a row, handled one after the other, is a few hundred
// kilobytes.
func TestResolvedLettersTakeLittle(t *testing.T) {
	t.Parallel()
	p := NewParked(subscription.ByStream)
	for offset := range int64(1_000_000) {
		p.Apply(&Entry{LetterID: subscription.LetterID{Offset: offset}, Kind: Dead, Key: []byte("k")})
		p.Apply(&Entry{LetterID: subscription.LetterID{Offset: offset}, Kind: Handled, Key: []byte("k")})
	}
	require.Zero(t, p.Len())
	require.True(t, p.Resolved(999_999))
	require.Len(t, p.handled, 1_000_000/wordBits)
}
