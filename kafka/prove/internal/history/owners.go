package history

// Opening is one attempt of a process to open a store. A store takes the partitions from the
// process that has them.
type Opening struct {
	Worker       int
	Call, Return int64 // Forever if it never returned
	Opened       bool  // it returned a store
}

// lingering is how long requests of an opening may still be on their way, if it failed or its
// process was killed. They may be in the buffers of connections that were held up.
const lingering = int64(30e9)

// mayClaimUntil returns until when the opening may overtake others.
func (o *Opening) mayClaimUntil() int64 {
	switch {
	case o.Opened:
		return o.Return
	case o.Return == Forever:
		return Forever
	default:
		return o.Return + lingering
	}
}

// Owners is what is known of which store owned which partition at which time.
type Owners struct {
	// Shared says that openings share the partitions. Then a store may lose one and get it back,
	// and nobody can tell from outside when.
	Shared bool

	Openings []Opening // by their number, which names the store
	// Proven is about the last append that the store got acknowledged in the partition. It says
	// when that append was called.
	Proven map[Claimed]int64
}

// Claimed is a partition as claimed by a store.
type Claimed struct {
	Store     int
	Partition int32
}

// Owned reports whether the store certainly owned the partition until its operation returned. There
// are two cases. The store got an append acknowledged there that was called later, so nobody can
// have overtaken it by then. Or nobody else was opening a store since it began to open. If the
// partitions are shared, nothing is certain.
func (w Owners) Owned(store int, partition int32, returned int64) bool {
	if w.Shared {
		return false
	}
	called, ok := w.Proven[Claimed{store, partition}]
	return ok && called >= returned || w.undisputed(store, returned)
}

func (w Owners) undisputed(store int, returned int64) bool {
	own := &w.Openings[store]
	for i := range w.Openings {
		other := &w.Openings[i]
		if i != store && other.Call <= returned && other.mayClaimUntil() >= own.Call {
			return false
		}
	}
	return true
}
