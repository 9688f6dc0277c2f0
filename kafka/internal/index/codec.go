package index

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

var errBroken = errors.New("a value of the index cannot be read")

func encodeCheckpoint(c Checkpoint) []byte {
	b := binary.AppendUvarint(nil, uint64(c.Next))
	b = binary.AppendVarint(b, c.Term.ProducerID)
	return binary.AppendVarint(b, int64(c.Term.Epoch))
}

func decodeCheckpoint(value []byte) (Checkpoint, error) {
	n := numbers{left: value}
	c := Checkpoint{Next: int64(n.next()), Term: wire.Term{ProducerID: n.signed(), Epoch: int16(n.signed())}}
	return c, n.end()
}

// appendRecord appends all of a record but its aggregate id and partition, which its key says.
func appendRecord(b []byte, r *eventstore.Record) []byte {
	b = binary.AppendUvarint(b, uint64(r.AggregateVersion))
	b = binary.AppendUvarint(b, uint64(r.Position.Offset))
	b = binary.AppendUvarint(b, uint64(r.Commit.First))
	b = binary.AppendUvarint(b, uint64(r.Commit.Length))
	b = binary.AppendUvarint(b, uint64(r.Revision))
	b = binary.AppendVarint(b, r.Timestamp.Unix())
	b = binary.AppendUvarint(b, uint64(r.Timestamp.Nanosecond()))
	for _, s := range [...]string{
		r.ID, r.Type, r.AggregateType, r.CorrelationID, r.CausationID, r.CommandID, r.ActorID, r.TraceParent,
	} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Metadata)))
	if len(r.Metadata) > 0 {
		for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
			b = appendText(appendText(b, k), r.Metadata[k])
		}
	}
	return append(b, r.Value...)
}

// maxRecordSize returns a length that appendRecord does not exceed.
func maxRecordSize(r *eventstore.Record) int {
	const numbers, texts = 8, 8
	size := (numbers+texts)*binary.MaxVarintLen64 + len(r.ID) + len(r.Type) + len(r.AggregateType) + len(r.CorrelationID) +
		len(r.CausationID) + len(r.CommandID) + len(r.ActorID) + len(r.TraceParent) + len(r.Value)
	for k, v := range r.Metadata {
		size += 2*binary.MaxVarintLen64 + len(k) + len(v)
	}
	return size
}

// decodeRecord reads what appendRecord wrote. The record keeps no reference to value.
func decodeRecord(value []byte) (eventstore.Record, error) {
	var r eventstore.Record
	n := numbers{left: value}
	r.AggregateVersion = int64(n.next())
	r.Position.Offset = int64(n.next())
	r.Commit.First = int64(n.next())
	r.Commit.Length = int(n.next())
	r.Revision = int(n.next())
	r.Timestamp = time.Unix(n.signed(), int64(n.next())).UTC()
	var room textRoom
	t := texts{numbers: n, all: room.all[:0], ends: room.ends[:0]}
	fields := [...]*string{
		&r.ID, &r.Type, &r.AggregateType, &r.CorrelationID, &r.CausationID, &r.CommandID, &r.ActorID, &r.TraceParent,
	}
	for range fields {
		t.read()
	}
	entries := t.next()
	if entries > uint64(len(t.left)) {
		return r, errBroken
	}
	for range 2 * entries {
		t.read()
	}
	r.Value = slices.Clone(t.left)
	all := string(t.all) // one copy for all the texts
	for i, field := range fields {
		*field = t.text(all, i)
	}
	if entries > 0 {
		r.Metadata = make(map[string]string, entries)
		for i := len(fields); i < len(t.ends); i += 2 {
			r.Metadata[t.text(all, i)] = t.text(all, i+1)
		}
	}
	if t.bad || r.ID == "" {
		return r, errBroken
	}
	return r, nil
}

func appendWritten(b []byte, w written) []byte {
	b = binary.AppendUvarint(b, uint64(w.first))
	b = binary.AppendUvarint(b, uint64(w.last))
	return binary.AppendUvarint(b, uint64(w.offset))
}

func decodeWritten(value []byte) (written, error) {
	n := numbers{left: value}
	w := written{first: int64(n.next()), last: int64(n.next()), offset: int64(n.next())}
	return w, n.end()
}

// numbers reads varints one after the other; after one that cannot be read all are zero.
type numbers struct {
	left []byte
	bad  bool
}

func (n *numbers) next() uint64 {
	v, size := binary.Uvarint(n.left)
	return uint64(n.took(int64(v), size))
}

func (n *numbers) signed() int64 {
	v, size := binary.Varint(n.left)
	return n.took(v, size)
}

func (n *numbers) took(v int64, size int) int64 {
	if n.bad || size <= 0 {
		n.bad, n.left = true, nil
		return 0
	}
	n.left = n.left[size:]
	return v
}

func (n *numbers) end() error {
	if n.bad || len(n.left) > 0 {
		return errBroken
	}
	return nil
}
