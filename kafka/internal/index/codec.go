package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

var errBroken = errors.New("what is stored cannot be read")

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

// appendRecord appends all of a record but its aggregate id and partition, which its stream's key says. What a command's
// result is made of comes first.
func appendRecord(b []byte, r *eventstore.Record) []byte {
	b = binary.AppendUvarint(b, uint64(r.AggregateVersion))
	b = binary.AppendUvarint(b, uint64(r.Position.Offset))
	b = binary.AppendUvarint(b, uint64(r.Commit.First))
	b = appendText(b, r.CommandID)
	b = binary.AppendUvarint(b, uint64(r.Commit.Length))
	b = binary.AppendUvarint(b, uint64(r.Revision))
	b = binary.AppendVarint(b, r.Timestamp.Unix())
	b = binary.AppendUvarint(b, uint64(r.Timestamp.Nanosecond()))
	for _, s := range [...]string{
		r.ID, r.Type, r.AggregateType, r.CorrelationID, r.CausationID, r.ActorID, r.TraceParent,
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
	var room textRoom
	t := texts{numbers: n, all: room.all[:0], ends: room.ends[:0]}
	t.read()
	r.Commit.Length = int(t.next())
	r.Revision = int(t.next())
	r.Timestamp = time.Unix(t.signed(), int64(t.next())).UTC()
	fields := [...]*string{
		&r.CommandID, &r.ID, &r.Type, &r.AggregateType, &r.CorrelationID, &r.CausationID, &r.ActorID, &r.TraceParent,
	}
	for range len(fields) - 1 {
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

// written is where a command's commit is.
type written struct{ first, last, offset int64 }

// decodeWritten returns what the commit wrote that the record ends, if it is the command's.
func decodeWritten(encoded []byte, commandID string) (w written, ok bool) {
	n := numbers{left: encoded}
	w = written{last: int64(n.next()), offset: int64(n.next()), first: int64(n.next())}
	var room [128]byte
	return w, !n.bad && bytes.HasPrefix(n.left, appendText(room[:0], commandID)) // no text is the beginning of another
}

// encodedCommand returns the command's id, as a text.
func encodedCommand(encoded []byte) []byte {
	n := numbers{left: encoded}
	for range 3 {
		n.next()
	}
	begin := n.left
	t := texts{numbers: n}
	t.read()
	return begin[:len(begin)-len(t.left)]
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
