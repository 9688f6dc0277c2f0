package letters_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// Somebody sets the group's offset back. From there on, events that were handled count no more.
// Letters that are set aside stay so, and events that were given up stay given up.
func TestWhatWasHandledIsForgottenFromAnOffsetOn(t *testing.T) {
	t.Parallel()
	p := told(
		letters.Dead, 3, letters.Redrive, 3, letters.Handled, 3,
		letters.Dead, 64, letters.Handled, 64,
		letters.Dead, 130, letters.Discarded, 130,
		letters.Dead, 200,
	)
	for _, offset := range []int64{3, 64, 130} {
		require.True(t, p.Resolved(offset))
	}
	require.True(t, p.KnowsFrom(64))
	require.True(t, p.KnowsFrom(200))
	require.False(t, p.KnowsFrom(201))
	p.Apply(&letters.Entry{LetterID: subscription.LetterID{Offset: 64}, Kind: letters.Rewound, Position: 100})
	require.True(t, p.Resolved(3), "it comes before the offset")
	require.False(t, p.Resolved(64))
	require.True(t, p.Resolved(130), "it was given up")
	require.True(t, p.Holds("k", 200))
	for _, offset := range []int64{3, 64, 130, 199} {
		require.False(t, p.Passed(keyed("k"), offset),
			"whoever handles the key again has handled nothing of it: %d", offset)
	}
	require.False(t, p.KnowsFrom(64), "there is nothing left to forget")
}
