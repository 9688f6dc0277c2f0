package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// save saves everything or nothing: the records in the files count once the database points to
// them.
func (r *recent) save(s *Store, slot uint16) error {
	if !r.changed && len(r.snapshots) == 0 {
		return nil
	}
	if err := s.awaitMerging(); err != nil {
		return err
	}
	b := s.db.NewBatchWithSize(bytesOfPlace*(1+len(r.streams.list)) + bytesOfCommit*len(r.commits))
	defer func() { _ = b.Close() }() // frees memory
	w := writer{slot: slot, batch: b}
	if err := w.saveStreams(s.files, r.streams.list); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.commits)) {
		w.set(append(appendSlot(w.key[:0], kindCommand, slot), name...), append(w.value[:0], r.commits[name]...))
	}
	for _, x := range r.skipped {
		w.set(appendSkipped(w.key[:0], slot, x.Offset), binary.AppendUvarint(w.value[:0], uint64(x.Length)))
	}
	for id, epoch := range r.epochs {
		w.set(appendEpoch(w.key[:0], slot, id), binary.AppendVarint(w.value[:0], int64(epoch)))
	}
	for name, value := range r.snapshots {
		w.set(append(appendSlot(w.key[:0], kindSnapshot, slot), name...), append(w.value[:0], value...))
	}
	if r.changed {
		w.set(appendSlot(w.key[:0], kindCheckpoint, slot), encodeCheckpoint(r.checkpoint))
	}
	if w.failed != nil {
		return w.failed
	}
	err := b.Commit(pebble.NoSync)
	s.iterators.outdate()
	return errors.Join(err, s.disk.err())
}

// bytesOfPlace is about what a chunk's place takes in a batch.
const bytesOfPlace = 64

// writer writes chunks to a file, and their places to a batch. Its buffers are used again and
// again.
type writer struct {
	slot       uint16
	extent     extent
	batch      *pebble.Batch
	failed     error // of the batch
	key, value []byte
	marks      []byte
	records    []recentRecord
}

// saveStreams writes the streams' records in the order of their keys, and makes them last.
func (w *writer) saveStreams(f *files, streams []recentStream) (err error) {
	length := 0
	for i := range streams {
		for _, chunk := range w.chunks(&streams[i]) {
			length += chunkLength(chunk)
		}
	}
	if length == 0 {
		return nil
	}
	if w.extent, err = f.reserve(length); err != nil {
		return err
	}
	for _, o := range inOrder(streams) {
		s := &streams[o.place]
		for from, chunk := range w.chunks(s) {
			w.save(s.id, from, chunk)
			if err := w.extent.flush(false); err != nil {
				return err
			}
		}
	}
	return w.extent.sync()
}

// ordered is the place of a stream in a list, and how the stream compares with others.
type ordered struct {
	first  uint64 // bytes of its id
	length int32  // of its id
	place  int32
}

// inOrder returns the places of the streams about in the order of their keys, which have the length
// of the id first. It compares most ids by their first bytes.
func inOrder(streams []recentStream) []ordered {
	sorted := make([]ordered, len(streams))
	for i := range streams {
		var first [8]byte
		copy(first[:], streams[i].id)
		sorted[i] = ordered{
			first: binary.BigEndian.Uint64(first[:]), length: int32(len(streams[i].id)), place: int32(i),
		}
	}
	slices.SortFunc(sorted, func(a, b ordered) int {
		switch {
		case a.length != b.length:
			return cmp.Compare(a.length, b.length)
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		default:
			return strings.Compare(streams[a.place].id, streams[b.place].id)
		}
	})
	return sorted
}

// chunks yields the chunks of a stream's records, each with its first version. They are valid until
// the next one.
func (w *writer) chunks(s *recentStream) iter.Seq2[int64, []recentRecord] {
	return func(yield func(int64, []recentRecord) bool) {
		w.records = append(append(w.records[:0], s.first), s.more...)
		from := s.from
		for left := w.records; len(left) > 0; {
			n, size := 1, len(left[0].encoded)
			for n < min(len(left), maxChunkRecords) && size+len(left[n].encoded) <= maxChunkBytes {
				size += len(left[n].encoded)
				n++
			}
			if !yield(from, left[:n]) {
				return
			}
			from, left = from+int64(n), left[n:]
		}
	}
}

// save writes a chunk.
func (w *writer) save(id string, from int64, records []recentRecord) {
	key := appendStream(w.key[:0], kindChunk, w.slot, id)
	p := place{
		from: from, count: int64(len(records)), file: w.extent.number, offset: w.extent.next(), marks: w.marks[:0],
	}
	w.extent.buffer = appendChunk(w.extent.buffer, key, records)
	p.length = int(w.extent.next() - p.offset)
	if from <= markedVersions {
		for _, r := range records {
			if r.mark != 0 {
				p.marks = binary.BigEndian.AppendUint32(p.marks, uint32(r.mark))
			}
		}
		w.marks = p.marks
	}
	w.set(appendVersion(key, from), appendPlace(w.value[:0], p))
	if from > markedVersions {
		for i, r := range records {
			if r.mark != 0 {
				key := append(appendText(appendSlot(w.key[:0], kindCommand, w.slot), id), encodedCommand(r.encoded)...)
				w.set(key, binary.AppendUvarint(w.value[:0], uint64(from)+uint64(i)))
			}
		}
	}
}

func (w *writer) set(key, value []byte) {
	w.key, w.value = key, value
	if w.failed == nil {
		w.failed = w.batch.Set(key, value, nil)
	}
}
