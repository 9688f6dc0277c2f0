package history

// Opening is one attempt of a process to open a store, which takes the partitions from whoever has
// them.
type Opening struct {
	Worker       int
	Call, Return int64 // Forever if it never returned
	Opened       bool  // it returned a store
}

// lingering is how long requests of an opening that failed, or whose process was killed, may still
// be on their way to the brokers: in the buffers of connections that were held up.
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

// Owners is what is known of who owned what at which time.
type Owners struct {
	// Shared says that openings share the partitions. Then a store may lose one and get it back,
	// and nobody can tell from outside when.
	Shared bool

	Openings []Opening // by their number, which names the store
	// Proven says for a store and a partition when the last append was called that the store got
	// acknowledged there.
	Proven map[Claimed]int64
}

// Claimed is a partition as claimed by a store.
type Claimed struct {
	Store     int
	Partition int32
}

// Owned reports whether the store certainly owned the partition until an operation of it returned:
// either it got an append acknowledged there that was called later, so nobody can have overtaken it
// by then; or nobody else was opening a store since it began to open. Nothing is certain where
// partitions are shared.
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
