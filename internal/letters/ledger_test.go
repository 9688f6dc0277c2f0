package letters_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// noted is a log of entries about one partition.
type noted struct{ entries []letters.Entry }

func (n *noted) note(kind letters.Kind, handler, key string, offset int64) {
	n.entries = append(n.entries, letters.Entry{
		LetterID: subscription.LetterID{Handler: handler, Topic: "t", Offset: offset},
		Kind:     kind, Key: []byte(key), Note: fmt.Sprint(kind, " ", offset), Position: int64(len(n.entries)),
	})
}

func (n *noted) ledger() *letters.Ledger {
	var g letters.Ledger
	for _, e := range n.entries {
		g.Learn(e)
	}
	return &g
}

func whats(traces []subscription.Trace) []string {
	var all []string
	for _, t := range traces {
		all = append(all, t.What)
	}
	return all
}

func TestLedgerKnowsWhatIsOpen(t *testing.T) {
	t.Parallel()
	var n noted
	n.note(letters.Dead, "h", "k", 5)
	n.note(letters.Waiting, "h", "k", 7)
	n.note(letters.Dead, "other", "k", 5)
	n.note(letters.Dead, "h", "l", 6)
	n.note(letters.Discarded, "h", "l", 6)
	n.note(letters.Redrive, "h", "k", 5)
	n.note(letters.Failed, "h", "k", 5)
	g := n.ledger()
	require.Len(t, g.List(""), 3)
	all := g.List("h")
	require.Len(t, all, 2)
	require.Equal(t, int64(5), all[0].ID.Offset)
	require.Equal(t, "failed 5", all[0].Error)
	require.False(t, all[0].Redrive, "it has failed since")
	require.True(t, all[1].Waiting)
	open, traces := g.Find(all[0].ID)
	require.Equal(t, int64(0), open.Position)
	require.Equal(t, []string{"dead", "redrive", "failed"}, whats(traces))
	gone, _ := g.Find(subscription.LetterID{Handler: "h", Topic: "t", Offset: 6})
	require.Nil(t, gone)

	n.note(letters.Redrive, "h", "k", 5)
	require.True(t, n.ledger().List("h")[0].Redrive)
	n.note(letters.Handled, "h", "k", 5)
	all = n.ledger().List("h")
	require.Len(t, all, 1)
	require.True(t, all[0].Redrive, "the rest of the key goes on")
}

func TestHistoryOfALetter(t *testing.T) {
	t.Parallel()
	var n noted
	n.note(letters.Redrive, "h", "k", 3) // before it was one
	n.note(letters.Dead, "h", "k", 5)
	n.note(letters.Waiting, "h", "k", 7)
	n.note(letters.Redrive, "h", "k", 7) // asks for the whole key
	n.note(letters.Redrive, "h", "l", 9)
	n.note(letters.Rewound, "h", "", 5)
	n.note(letters.Handled, "h", "k", 5)
	n.note(letters.Handled, "h", "k", 7)
	h := letters.History{Of: subscription.LetterID{Handler: "h", Topic: "t", Offset: 5}}
	for _, e := range n.entries {
		h.Learn(e)
	}
	require.Equal(t, "dead 5", h.Letter.Note)
	require.Equal(t, []string{"dead", "redrive", "handled"}, whats(h.Traces))
}
