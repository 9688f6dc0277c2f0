package delivery

// Window is the records of a partition that are read and not done, and the order in which they may
// be handled.
//
// Invariants: of a key at most one record is out at a time, and it is the key's first that is not
// done. LowWater never passes a record that is not done.
type Window[T any] struct {
	order []*Task[T] // from the first that is not done on, by offset; one that is done leaves once it comes first
	lanes map[string]*lane[T]
	ready []*lane[T] // whose first record may go out, in the order in which they became so
	next  int64      // the offset after the last that was added or passed
	open  int        // tasks that are not done
}

// Task is one record.
type Task[T any] struct {
	Key    string
	Offset int64
	Item   T

	done bool
}

type lane[T any] struct {
	tasks []*Task[T] // the first one is out, or waits for Wake, unless the lane is ready
}

// NewWindow returns an empty window whose low-water mark is next.
func NewWindow[T any](next int64) *Window[T] {
	return &Window[T]{lanes: make(map[string]*lane[T]), next: next}
}

// Add adds a record behind those of its key. Offsets grow.
func (w *Window[T]) Add(key string, offset int64, item T) {
	t := &Task[T]{Key: key, Offset: offset, Item: item}
	w.order = append(w.order, t)
	w.next = offset + 1
	w.open++
	l := w.lanes[key]
	if l == nil {
		l = &lane[T]{}
		w.lanes[key] = l
		w.ready = append(w.ready, l)
	}
	l.tasks = append(l.tasks, t)
}

// Pass notes that there is nothing to handle before the offset beyond what was added.
func (w *Window[T]) Pass(offset int64) { w.next = max(w.next, offset) }

// Next takes out a record that may be handled now, or returns nil.
func (w *Window[T]) Next() *Task[T] {
	if len(w.ready) == 0 {
		return nil
	}
	l := w.ready[0]
	w.ready = w.ready[1:]
	return l.tasks[0]
}

// Wake lets another Next take a record that is out and will be handled again. Until then its key
// waits.
func (w *Window[T]) Wake(t *Task[T]) {
	if l := w.lanes[t.Key]; l != nil && l.tasks[0] == t {
		w.ready = append(w.ready, l)
	}
}

// Done notes that a record which is out is done with. The next one of its key may go.
func (w *Window[T]) Done(t *Task[T]) {
	t.done = true
	w.open--
	l := w.lanes[t.Key]
	if l.tasks = l.tasks[1:]; len(l.tasks) > 0 {
		w.ready = append(w.ready, l)
	} else {
		delete(w.lanes, t.Key)
	}
	for len(w.order) > 0 && w.order[0].done {
		w.order[0] = nil
		w.order = w.order[1:]
	}
}

// LowWater returns the offset to commit: every record before it is done.
func (w *Window[T]) LowWater() int64 {
	if len(w.order) > 0 {
		return w.order[0].Offset
	}
	return w.next
}

// Len returns how many records are added and not done.
func (w *Window[T]) Len() int { return w.open }

// Span returns of how many offsets the window holds records: those not done, and those done behind
// the first that is not.
func (w *Window[T]) Span() int { return len(w.order) }

// Through reports whether every record of the key before the offset was added or passed, and is
// done with.
func (w *Window[T]) Through(key string, offset int64) bool {
	l := w.lanes[key]
	return offset <= w.next && (l == nil || l.tasks[0].Offset >= offset)
}

// Behind reports whether the record of the key at the offset was added, or passed, and is done
// with.
func (w *Window[T]) Behind(key string, offset int64) bool {
	if offset >= w.next {
		return false
	}
	if l := w.lanes[key]; l != nil {
		for _, t := range l.tasks {
			if t.Offset == offset {
				return false
			}
		}
	}
	return true
}
