package states_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/states"
)

// note is a state that says what it is made of.
type note struct{ Text string }

func kindOf[S any](t require.TestingT) *states.Kind[S] {
	k, err := states.KindOf[S]()
	require.NoError(t, err)
	return k
}

const maxBytes = 4_000

// model is what a cache may hold.
type model struct {
	kind    *states.Kind[note]
	cache   *states.Cache[note]
	stored  map[string]*states.Point[note]  // the newest that was put
	queued  map[string]*states.Queued[note] // the newest that was put and not dropped
	evicted int
}

// TestCache puts and drops points at random. The cache never returns what was not put, or what is
// older than what it has returned. It stays within its bounds.
func TestCache(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			kind: kindOf[note](t), stored: map[string]*states.Point[note]{}, queued: map[string]*states.Queued[note]{},
		}
		m.cache = states.NewCache(m.kind, maxBytes, func(n, bytes int) {
			require.Positive(t, n)
			require.Positive(t, bytes)
			m.evicted += n
		})
		t.Repeat(map[string]func(*rapid.T){
			"":            m.check,
			"put stored":  m.putStored,
			"put queued":  m.putQueued,
			"drop queued": m.dropQueued,
			"drop":        m.drop,
			"ask":         func(t *rapid.T) { m.cache.Newest(drawID(t)) },
		})
	})
}

func drawID(t *rapid.T) string { return fmt.Sprint("a-", rapid.IntRange(0, 12).Draw(t, "id")) }

func (m *model) draw(t *rapid.T) *states.Point[note] {
	text := strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 300, 900, maxBytes}).Draw(t, "bytes"))
	return m.kind.NewPoint(note{text}, rapid.Int64Range(1, 9).Draw(t, "version"), nil, 0)
}

func (m *model) putStored(t *rapid.T) {
	id, p := drawID(t), m.draw(t)
	m.cache.PutStored(id, p, 10)
	if old := m.stored[id]; old == nil || old.Version < p.Version {
		m.stored[id] = p
		if q := m.queued[id]; q != nil && q.Version <= p.Version {
			delete(m.queued, id)
		}
	}
}

func (m *model) putQueued(t *rapid.T) {
	id, p := drawID(t), m.draw(t)
	q := &states.Queued[note]{Point: p, At: eventstore.Stream{Category: "A", ID: id}.At(p.Version)}
	m.cache.PutQueued(id, q)
	old, stored := m.queued[id], m.stored[id]
	if (old == nil || old.Version < q.Version) && (stored == nil || stored.Version < q.Version) {
		m.queued[id] = q
	}
}

func (m *model) dropQueued(t *rapid.T) {
	id := drawID(t)
	if q := m.queued[id]; q != nil {
		m.cache.DropQueued(id, q)
		delete(m.queued, id)
	}
	m.cache.DropQueued(id, &states.Queued[note]{Point: m.draw(t)}) // changes nothing
}

func (m *model) drop(t *rapid.T) {
	id := drawID(t)
	m.cache.Drop(id)
	delete(m.stored, id)
	delete(m.queued, id)
}

func (m *model) check(t *rapid.T) {
	n, bytes := m.cache.Len()
	require.LessOrEqual(t, bytes, maxBytes)
	held, least := 0, 0
	for i := range 13 {
		id := fmt.Sprint("a-", i)
		stored, queued := m.cache.Newest(id)
		if stored == nil && queued == nil { // it was dropped, and what it was is not known any more
			delete(m.stored, id)
			delete(m.queued, id)
			continue
		}
		held++
		require.Same(t, m.stored[id], stored)
		if queued != nil {
			require.Same(t, m.queued[id], queued)
			least += len(queued.State.Text)
		} else {
			require.Nil(t, m.queued[id])
		}
		if stored != nil {
			least += len(stored.State.Text)
		}
	}
	require.Equal(t, held, n)
	require.GreaterOrEqual(t, bytes, least)
	if n == 0 {
		require.Zero(t, bytes)
	}
}

// What nobody asks for goes before what somebody has asked for.
func TestCache_keepsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	k := kindOf[note](t)
	evicted := 0
	c := states.NewCache(k, maxBytes, func(n, _ int) { evicted += n })
	put := func(id string) { c.PutStored(id, k.NewPoint(note{strings.Repeat("x", 100)}, 1, nil, 0), 10) }
	put("wanted")
	for i := range 1_000 {
		found, _ := c.Newest("wanted")
		require.NotNil(t, found)
		put(fmt.Sprint(i))
	}
	n, _ := c.Len()
	require.Equal(t, 1_001-n, evicted)
	require.Greater(t, n, 8)
}

// A state that may grow counts as grown by its events, and is measured now and then.
func TestPointsAreMeasured(t *testing.T) {
	t.Parallel()
	k := kindOf[cloned](t)
	c := states.NewCache(k, 1<<30, nil)
	size := func(p *states.Point[cloned]) int {
		c.Drop("a")
		c.PutStored("a", p, 10)
		_, bytes := c.Len()
		return bytes
	}
	state := cloned{Lines: map[string]int{}}
	var p *states.Point[cloned]
	var sizes []int
	for i := range 1_000 {
		state.Lines[fmt.Sprintf("line %05d", i%500)] = i
		p = k.NewPoint(state, int64(i+1), p, 500) // which is much more than an entry takes
		sizes = append(sizes, size(p))
	}
	exact := size(k.NewPoint(state, 1_000, nil, 0))
	require.GreaterOrEqual(t, exact, 500*(len("line 00000")+16+8))
	require.InDelta(t, exact, sizes[len(sizes)-1], 64*500)
	require.Less(t, sizes[500], exact+64*500)
}

// A state that contains itself has no size, and is not kept.
func TestEndlessState(t *testing.T) {
	t.Parallel()
	k := kindOf[ring](t)
	c := states.NewCache(k, 1<<30, nil)
	r := ring{}
	r.Next = &r
	c.PutStored("a", k.NewPoint(r, 1, nil, 0), 10)
	n, bytes := c.Len()
	require.Zero(t, n)
	require.Zero(t, bytes)
}

type ring struct{ Next *ring }

func (r ring) Clone() ring {
	c := &ring{}
	c.Next = c
	return *c
}

func TestNoCache(t *testing.T) {
	t.Parallel()
	var c *states.Cache[note]
	c.PutStored("a", &states.Point[note]{}, 10)
	c.PutQueued("a", nil)
	c.DropQueued("a", nil)
	c.Drop("a")
	stored, queued := c.Newest("a")
	require.Nil(t, stored)
	require.Nil(t, queued)
	n, bytes := c.Len()
	require.Zero(t, n)
	require.Zero(t, bytes)
}
