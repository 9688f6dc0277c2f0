package delivery_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/internal/delivery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type window = delivery.Window[int]

func TestOnlyTheKeyThatIsRetriedWaits(t *testing.T) {
	t.Parallel()
	w := delivery.NewWindow[int](10)
	w.Add("poison", 10, 0)
	w.Add("good", 11, 0)
	w.Add("poison", 12, 0)
	w.Add("good", 15, 0)
	failing := w.Next()
	require.Equal(t, int64(10), failing.Offset)
	for _, want := range []int64{11, 15} {
		task := w.Next()
		require.Equal(t, want, task.Offset)
		require.Nil(t, w.Next(), "a key's next record waits for the one that is out")
		w.Done(task)
	}
	require.Equal(t, int64(10), w.LowWater())
	require.Nil(t, w.Next())
	w.Wake(failing)
	require.Same(t, failing, w.Next())
	w.Done(failing)
	require.Equal(t, int64(12), w.LowWater())
	w.Done(w.Next())
	require.Equal(t, int64(16), w.LowWater())
	w.Pass(20)
	require.Equal(t, int64(20), w.LowWater(), "what does not count is passed over")
	w.Pass(3)
	require.Equal(t, int64(20), w.LowWater())
	require.Zero(t, w.Len())
}

// Keys keep their order, one record of each is out, and the low-water mark is that of a model, in
// every order of what happens.
func TestAnyOrderOfEvents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := delivery.NewWindow[int](0)
		m := model{
			last: make(map[string]int64), out: make(map[string]*delivery.Task[int]),
			undone: make(map[int64]string),
		}
		t.Repeat(map[string]func(*rapid.T){
			"add":  func(t *rapid.T) { m.add(t, w) },
			"pass": func(t *rapid.T) { m.next += rapid.Int64Range(0, 2).Draw(t, "by"); w.Pass(m.next) },
			"take": func(t *rapid.T) { m.take(t, w) },
			"wake": func(t *rapid.T) {
				if task := m.pick(t); task != nil {
					delete(m.out, task.Key)
					w.Wake(task)
				}
			},
			"done": func(t *rapid.T) {
				if task := m.pick(t); task != nil {
					delete(m.out, task.Key)
					delete(m.undone, task.Offset)
					m.last[task.Key] = task.Offset
					w.Done(task)
				}
			},
			"": func(t *rapid.T) { m.check(t, w) },
		})
	})
}

// model says what a window should do, the slow way.
type model struct {
	next   int64
	last   map[string]int64 // the last offset that was done, by key
	out    map[string]*delivery.Task[int]
	undone map[int64]string
}

func (m *model) add(t *rapid.T, w *window) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
	m.next += rapid.Int64Range(0, 2).Draw(t, "gap")
	w.Add(key, m.next, 0)
	m.undone[m.next] = key
	m.next++
}

// free returns the offsets that may go out: the first of each key that is not out.
func (m *model) free() map[int64]bool {
	first := make(map[string]int64)
	for offset, key := range m.undone {
		if at, ok := first[key]; !ok || offset < at {
			first[key] = offset
		}
	}
	may := make(map[int64]bool)
	for key, offset := range first {
		may[offset] = m.out[key] == nil
	}
	return may
}

func (m *model) take(t *rapid.T, w *window) {
	may := m.free()
	task := w.Next()
	if task == nil {
		for offset, ok := range may {
			if ok {
				t.Fatalf("nothing may go, though the record at %d may", offset)
			}
		}
		return
	}
	if !may[task.Offset] {
		t.Fatalf("the record at %d of key %s may not go", task.Offset, task.Key)
	}
	if last, ok := m.last[task.Key]; ok && last >= task.Offset {
		t.Fatalf("the record at %d of key %s goes after that at %d was done", task.Offset, task.Key, last)
	}
	m.out[task.Key] = task
}

func (m *model) pick(t *rapid.T) *delivery.Task[int] {
	for _, key := range []string{"a", "b", "c"} {
		if m.out[key] != nil && rapid.Bool().Draw(t, "this") {
			return m.out[key]
		}
	}
	return nil
}

func (m *model) check(t *rapid.T, w *window) {
	want := m.next
	for offset := range m.undone {
		want = min(want, offset)
	}
	if got := w.LowWater(); got != want {
		t.Fatalf("low-water mark %d, expected %d", got, want)
	}
	if w.Len() != len(m.undone) {
		t.Fatalf("%d records, expected %d", w.Len(), len(m.undone))
	}
}
