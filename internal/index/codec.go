package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

var errBroken = errors.New("what is stored cannot be read")

// errSnapshot is the error of a snapshot that was damaged. Unlike errBroken, it says nothing of the
// rest of the index.
var errSnapshot = errors.New("the snapshot is damaged")

func encodeCheckpoint(c Checkpoint) []byte {
	b := binary.AppendUvarint(nil, uint64(c.Next))
	b = binary.AppendVarint(b, c.Term.ProducerID)
	b = binary.AppendVarint(b, int64(c.Term.Epoch))
	b = binary.AppendVarint(b, c.Time)
	b = binary.AppendUvarint(b, uint64(c.Last.Offset))
	b = binary.AppendVarint(b, int64(c.Last.LeaderEpoch))
	b = binary.AppendUvarint(b, uint64(c.Last.Sum))
	records := uint64(0)
	if c.Last.Records {
		records = 1
	}
	return binary.AppendUvarint(b, records)
}

func decodeCheckpoint(value []byte) (Checkpoint, error) {
	n := numbers{left: value}
	c := Checkpoint{
		Next: int64(n.next()), Term: Term{ProducerID: n.signed(), Epoch: int16(n.signed())}, Time: n.signed(),
	}
	c.Last = Fingerprint{
		Offset: int64(n.next()), LeaderEpoch: int32(n.signed()), Sum: uint32(n.next()), Records: n.next() == 1,
	}
	return c, n.end()
}

// appendRecord appends all of a record but its aggregate id and its partition, which the key of its
// stream has. First come the parts that the result of a command is made of.
//
// The third number is the version of the commit's first record. If the commit is of several
// streams, it is 0 instead, and the record's place in the commit comes after the commit's size.
func appendRecord(b []byte, r *eventstore.Record) []byte {
	b = binary.AppendUvarint(b, uint64(r.AggregateVersion))
	b = binary.AppendUvarint(b, uint64(r.Position.Offset))
	b = binary.AppendUvarint(b, uint64(firstOf(r)))
	b = appendText(b, r.CommandID)
	b = appendAfter(b, r.CommandID, r.CausationID)
	b = appendAfter(b, r.CausationID, r.CorrelationID)
	b = binary.AppendUvarint(b, uint64(r.Commit.Size))
	if r.Commit.Several {
		b = binary.AppendUvarint(b, uint64(r.Commit.Index))
	}
	b = binary.AppendUvarint(b, uint64(r.Revision))
	b = binary.AppendVarint(b, r.Timestamp.Unix())
	b = binary.AppendUvarint(b, uint64(r.Timestamp.Nanosecond()))
	for _, s := range [...]string{
		r.ID, r.Type, r.Category, r.ActorID, r.TraceParent,
	} {
		b = appendText(b, s)
	}
	b = appendRare(b, r)
	if len(r.Metadata) > 0 {
		for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
			b = appendText(appendText(b, k), r.Metadata[k])
		}
	}
	return append(b, r.Value...)
}

// firstOf returns the version of the first record of the record's commit; 0 if the commit is of
// several streams.
func firstOf(r *eventstore.Record) int64 {
	if r.Commit.Several {
		return 0
	}
	return r.AggregateVersion - int64(r.Commit.Index) + 1
}

// These bits are set in the number of a record's entries of metadata. Each says that a text stands
// before the entries, in this order. Most records have no such text.
const (
	digestFollows = 1 << iota
	commandCauseFollows
	rare = iota // bits
)

// appendRare appends the number of entries of metadata, and the texts that most records do not
// have.
func appendRare(b []byte, r *eventstore.Record) []byte {
	entries := uint64(len(r.Metadata)) << rare
	if r.CommandDigest != "" {
		entries |= digestFollows
	}
	if r.CommandCausationID != "" {
		entries |= commandCauseFollows
	}
	b = binary.AppendUvarint(b, entries)
	if r.CommandDigest != "" {
		b = appendDigest(b, r.CommandDigest)
	}
	if r.CommandCausationID != "" {
		b = appendText(b, r.CommandCausationID)
	}
	return b
}

// causes is how many ids of causes a record has. They come before its other texts.
const causes = 3

// usualTexts is a length that suffices for the texts of most records.
const usualTexts = 384

// maxRecordSize returns a length that appendRecord does not exceed.
func maxRecordSize(r *eventstore.Record) int {
	const numbers, texts = 9, 10
	size := (numbers+texts)*binary.MaxVarintLen64 + len(r.ID) + len(r.Type) + len(r.Category) + len(r.CorrelationID) +
		len(r.CausationID) + len(r.CommandID) + len(r.CommandCausationID) + len(r.CommandDigest) + len(r.ActorID) + len(
		r.TraceParent) + len(r.Value)
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
	first := int64(n.next())
	fields := [...]*string{
		&r.CommandID, &r.CausationID, &r.CorrelationID, &r.ID, &r.Type, &r.Category, &r.ActorID, &r.TraceParent,
	}
	var room [usualTexts]byte
	var lengths [len(fields)]int
	all, before := room[:0], -1
	read := func() int {
		begin := len(all)
		all = n.text(all, before)
		before = begin
		return len(all) - begin
	}
	for i := range lengths {
		if i == causes {
			r.Commit = decodePart(&n, r.AggregateVersion, first)
			r.Revision = int(n.next())
			r.Timestamp = time.Unix(n.signed(), int64(n.next())).UTC()
		}
		lengths[i] = read()
	}
	entries, digest, cause := n.next(), 0, 0
	if entries&digestFollows != 0 {
		digest = read()
	}
	if entries&commandCauseFollows != 0 {
		cause = read()
	}
	if entries >>= rare; entries > uint64(len(n.left)) {
		return r, errBroken
	}
	var more []int
	for range 2 * entries {
		more = append(more, read())
	}
	r.Value = slices.Clone(n.left)
	left := string(all) // one copy for all the texts
	next := func(length int) (text string) {
		text, left = left[:length], left[length:]
		return text
	}
	for i, field := range fields {
		*field = next(lengths[i])
	}
	r.CommandDigest, r.CommandCausationID = next(digest), next(cause)
	if entries > 0 {
		r.Metadata = make(map[string]string, entries)
		for ; len(more) > 0; more = more[2:] {
			name := next(more[0])
			r.Metadata[name] = next(more[1])
		}
	}
	if n.bad || r.ID == "" {
		return r, errBroken
	}
	return r, nil
}

// decodePart reads which part of its commit a record is. The record has the version, and first is
// what firstOf returned.
func decodePart(n *numbers, version, first int64) eventstore.CommitPart {
	part := eventstore.CommitPart{Size: int(n.next())}
	if part.Several = first == 0; part.Several {
		part.Index = int(n.next())
	} else {
		part.Index = int(version-first) + 1
	}
	return part
}

// written is where a command's commit is in its stream. It is only of use for commits of one
// stream.
type written struct{ first, last, offset int64 }

// decodeWritten returns what the record says of its commit: the commit's first version, and the
// record's version and offset as the last ones. It reports false if another command made the
// commit.
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
	var room [usualTexts]byte
	n.text(room[:0], -1)
	return begin[:len(begin)-len(n.left)]
}

// numbers reads varints one after the other. After one that cannot be read, it returns zeros.
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
