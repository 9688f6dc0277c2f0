package letters_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// told returns what entries come to: each is a kind, and the offset of an event of key "k".
func told(entries ...any) *letters.Parked {
	p := letters.NewParked(subscription.ByStream)
	for i := 0; i < len(entries); i += 2 {
		p.Apply(&letters.Entry{
			LetterID: subscription.LetterID{Offset: int64(entries[i+1].(int))}, Kind: entries[i].(letters.Kind),
			Key: []byte("k"), Position: int64(i),
		})
	}
	return p
}

// keyed returns the keys of an aggregate that has a partition key for itself.
func keyed(id string) letters.Key { return letters.Key{Stream: id, Partition: id} }

func TestWhatEntriesComeTo(t *testing.T) {
	t.Parallel()
	const dead, waiting, redrive = letters.Dead, letters.Waiting, letters.Redrive
	const failed, handled, discarded = letters.Failed, letters.Handled, letters.Discarded
	for name, c := range map[string]struct {
		p       *letters.Parked
		offsets []int64
		redrive bool
	}{
		"nothing":                 {told(), nil, false},
		"a letter":                {told(dead, 5), []int64{5}, false},
		"twice":                   {told(dead, 5, dead, 5), []int64{5}, false},
		"in the order of offsets": {told(dead, 5, waiting, 9, waiting, 7), []int64{5, 7, 9}, false},
		"redrive":                 {told(dead, 5, waiting, 7, redrive, 5), []int64{5, 7}, true},
		"handled":                 {told(dead, 5, waiting, 7, redrive, 5, handled, 5), []int64{7}, true},
		"all handled":             {told(dead, 5, redrive, 5, handled, 5), nil, false},
		"failed again": {
			told(dead, 5, waiting, 7, redrive, 5, handled, 5, failed, 7),
			[]int64{7},
			false,
		},
		"the rest goes on after a discard": {told(dead, 5, waiting, 7, discarded, 5), []int64{7}, true},
		"a dead one stays":                 {told(dead, 5, dead, 7, discarded, 5), []int64{7}, false},
		"one that waits is discarded": {
			told(dead, 5, waiting, 7, waiting, 9, discarded, 7),
			[]int64{5, 9},
			false,
		},
		"what was done never comes back":      {told(dead, 5, handled, 5, dead, 5, waiting, 5), nil, false},
		"discarded before it was known":       {told(discarded, 5, dead, 5), nil, false},
		"what it waited for is done":          {told(dead, 5, discarded, 5, waiting, 7), []int64{7}, true},
		"failed after it was discarded":       {told(dead, 5, waiting, 7, discarded, 5, failed, 5), []int64{7}, true},
		"a redrive of nothing":                {told(redrive, 5), nil, false},
		"asked for again while it is failing": {told(dead, 5, redrive, 5, failed, 5, redrive, 5), []int64{5}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lane := c.p.Clone().Lane("k")
			if c.offsets == nil {
				require.Nil(t, lane)
				require.Zero(t, c.p.Len())
				return
			}
			var offsets []int64
			for _, l := range lane {
				offsets = append(offsets, l.Offset)
				require.True(t, c.p.Holds("k", l.Offset))
			}
			require.Equal(t, c.offsets, offsets)
			require.Equal(t, c.redrive, c.p.Due("k"))
		})
	}
}

// A process that sets an event aside has handled the events before it, whatever becomes of the
// letter.
func TestWhatComesBeforeALetterIsPassed(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*letters.Parked{
		"open":      told(letters.Dead, 5, letters.Waiting, 7),
		"resolved":  told(letters.Dead, 5, letters.Handled, 5, letters.Waiting, 7, letters.Handled, 7),
		"discarded": told(letters.Discarded, 7, letters.Dead, 7),
	} {
		for _, p := range []*letters.Parked{p, p.Clone()} {
			for offset := range int64(8) {
				require.True(t, p.Passed(keyed("k"), offset), "%s: %d", name, offset)
			}
			require.False(t, p.Passed(keyed("k"), 8), name)
			require.False(t, p.Passed(keyed("other"), 0), name)
		}
	}
}

// A process that wrote an entry knows it before those that others wrote earlier. The order in the
// topic holds.
func TestTheLaterRequestHoldsInWhateverOrderItIsKnown(t *testing.T) {
	t.Parallel()
	entry := func(kind letters.Kind, position int64) *letters.Entry {
		return &letters.Entry{
			LetterID: subscription.LetterID{Offset: 5}, Kind: kind, Key: []byte("k"),
			Position: position,
		}
	}
	for _, x := range []struct {
		failed, redrive int64
		want            bool
	}{{1, 2, true}, {2, 1, false}} {
		for _, failedFirst := range []bool{true, false} {
			p := letters.NewParked(subscription.ByStream)
			p.Apply(entry(letters.Dead, 0))
			if failedFirst {
				p.Apply(entry(letters.Failed, x.failed))
			}
			p.Apply(entry(letters.Redrive, x.redrive))
			if !failedFirst {
				p.Apply(entry(letters.Failed, x.failed))
			}
			require.Equal(t, x.want, p.Due("k"), x)
		}
	}
}

// A process learns what it wrote from the acknowledgement, and from the topic like everybody. It
// comes to the same, in whichever order the process hands out events.
func TestWhatIsKnownEarlyAndTwiceComesToTheSame(t *testing.T) {
	t.Parallel()
	orders := rapid.SampledFrom([]subscription.Order{subscription.ByStream, subscription.ByPartitionKey})
	rapid.Check(t, func(t *rapid.T) {
		var topic, order []letters.Entry
		known := make(map[int64]bool)
		for position := range rapid.Int64Range(1, 12).Draw(t, "entries") {
			offset := rapid.Int64Range(0, 3).Draw(t, "offset")
			kinds := []letters.Kind{letters.Dead, letters.Waiting}
			if known[offset] {
				kinds = append(kinds, letters.Redrive, letters.Failed, letters.Handled, letters.Discarded)
			}
			e := letters.Entry{
				LetterID: subscription.LetterID{Offset: offset}, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
				Key: []byte(stream(offset)), PartitionKey: "k", Order: orders.Draw(t, "order"), Position: position,
			}
			known[offset] = true
			topic, order = append(topic, e), append(order, e)
		}
		for _, e := range topic {
			if e.Kind == letters.Redrive || e.Kind == letters.Discarded || !rapid.Bool().Draw(t, "acknowledged early") {
				continue
			}
			at := slices.IndexFunc(order, func(o letters.Entry) bool { return o.Position == e.Position })
			order = slices.Insert(order, rapid.IntRange(0, at).Draw(t, "at"), e)
		}
		by := orders.Draw(t, "handed out")
		expected, p := letters.NewParked(by), letters.NewParked(by)
		for i := range topic {
			expected.Apply(&topic[i])
		}
		for i := range order {
			p.Apply(&order[i])
		}
		require.Equal(t, expected.Keys(), p.Keys())
		for _, key := range p.Keys() {
			require.Equal(t, expected.Lane(key), p.Lane(key))
			require.Equal(t, expected.Due(key), p.Due(key))
		}
		for offset := range int64(4) {
			keys := letters.Key{Stream: stream(offset), Partition: "k"}
			require.Equal(t, expected.Resolved(offset), p.Resolved(offset))
			require.Equal(t, expected.Passed(keys, offset), p.Passed(keys, offset))
		}
	})
}

// stream returns the stream of an offset: two of the partition key "k" take turns.
func stream(offset int64) string { return []string{"k/even", "k/odd"}[offset%2] }
