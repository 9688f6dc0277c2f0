package index

import (
	"encoding/binary"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
)

// Where a partition key has several streams, a command may be looked up with a stream that its
// commit did not write to. So the index keeps all that a repetition is answered with, by partition
// key and command id. It is encoded in memory, as it will be saved. Places of chunks have no marks
// there.

// encodedCommit is what a command's commit wrote. The name is what appendCommand makes, and the
// value is what appendCommit makes.
type encodedCommit struct{ name, value string }

// commit is what a command's commit wrote.
type commit struct {
	offset  int64 // of its last record
	digest  string
	written []Written
}

// encodeCommits appends the commits of commands, encoded, to a list. It appends nothing if the
// partition key is the whole id, as marks tell of those commits.
//
// It fails if the records are not whole commits, or if a commit has streams of several partition
// keys. The index would miss such a commit when its command is repeated.
func (p *Partition) encodeCommits(list []encodedCommit, records []eventstore.Record) ([]encodedCommit, error) {
	if p.key == eventstore.WholeID {
		for i := range records {
			if records[i].Commit.Several {
				return list, p.otherKey(&records[i])
			}
		}
		return list, nil
	}
	for len(records) > 0 {
		first := &records[0]
		size := first.Commit.Size
		if size < 1 || size > len(records) || first.Commit.Index != 1 || records[size-1].Commit.Index != size {
			return list, fmt.Errorf("the records from offset %d on are not a whole commit", first.Position.Offset)
		}
		made, err := p.encodeCommit(records[:size])
		if err != nil {
			return list, err
		}
		if made.name != "" {
			list = append(list, made)
		}
		records = records[size:]
	}
	return list, nil
}

// encodeCommit returns the commit, encoded. It is empty if no command made the commit.
func (p *Partition) encodeCommit(records []eventstore.Record) (encodedCommit, error) {
	first, last := &records[0], &records[len(records)-1]
	partitionKey := p.key.Of(first.AggregateID)
	c := commit{offset: last.Position.Offset, digest: first.CommandDigest}
	if last.Commit.Several {
		places := make(map[string]int)
		for i := range records {
			r := &records[i]
			at, known := places[r.AggregateID]
			if !known {
				if p.key.Of(r.AggregateID) != partitionKey {
					return encodedCommit{}, p.otherKey(r)
				}
				at = len(c.written)
				places[r.AggregateID] = at
				c.written = append(c.written, Written{ID: r.AggregateID, First: r.AggregateVersion})
			}
			c.written[at].Last = r.AggregateVersion
		}
	} else {
		c.written = []Written{{ID: last.AggregateID, First: firstOf(last), Last: last.AggregateVersion}}
	}
	if last.CommandID == "" {
		return encodedCommit{}, nil
	}
	var room [usualCommit]byte
	both := appendCommand(room[:0], partitionKey, last.CommandID)
	name := len(both)
	text := string(appendCommit(both, partitionKey, c))
	return encodedCommit{text[:name], text[name:]}, nil
}

// usualCommit is a length that suffices for most encoded commits.
const usualCommit = 256

// otherKey is the error of a record whose commit is of several partition keys.
func (p *Partition) otherKey(r *eventstore.Record) error {
	return fmt.Errorf("the commit of offset %d writes to %q and to another partition key (%s): "+
		"configure the partition key that the events were written with", r.Position.Offset, r.AggregateID, p.key)
}

// appendCommit appends a commit of the partition key.
func appendCommit(b []byte, partitionKey string, c commit) []byte {
	b = binary.AppendUvarint(b, uint64(c.offset))
	b = appendDigest(b, c.digest)
	for _, w := range c.written {
		b = appendIDOf(b, partitionKey, w.ID)
		b = binary.AppendUvarint(b, uint64(w.First))
		b = binary.AppendUvarint(b, uint64(w.Last-w.First))
	}
	return b
}

// decodeCommit reads what appendCommit wrote. The commit keeps no reference to value.
func decodeCommit(value []byte, partitionKey string) (commit, error) {
	n := numbers{left: value}
	var room [usualTexts]byte
	c := commit{offset: int64(n.next()), digest: string(n.text(room[:0], -1))}
	for len(n.left) > 0 {
		w := Written{ID: n.idOf(partitionKey), First: int64(n.next())}
		w.Last = w.First + int64(n.next())
		c.written = append(c.written, w)
	}
	if n.bad || len(c.written) == 0 {
		return commit{}, errBroken
	}
	return c, nil
}

// appendIDOf appends an aggregate id of a partition key by [eventstore.BeforeSlash], without the
// partition key. The id that is the partition key itself is sameMark, which begins no other text.
func appendIDOf(b []byte, partitionKey, id string) []byte {
	if id == partitionKey {
		return append(b, sameMark)
	}
	return appendText(b, id[len(partitionKey)+1:])
}

// idOf returns the id that appendIDOf appended.
func (n *numbers) idOf(partitionKey string) string {
	if len(n.left) > 0 && n.left[0] == sameMark {
		n.left = n.left[1:]
		return partitionKey
	}
	var room [usualTexts]byte
	id := append(append(room[:0], partitionKey...), '/')
	return string(n.text(id, -1))
}
