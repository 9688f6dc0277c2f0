package index

import (
	"encoding/binary"
	"encoding/hex"
)

// A text is its length, twice, and its bytes. Most texts of a record are UUIDs, which are half of what a record takes: one that is
// written as they are (RFC 9562: 36 characters, lower case) is the number 1 and its 16 bytes.
const uuidMark = 1

func appendText(b []byte, s string) []byte {
	if isUUID(s) {
		b = append(b, uuidMark)
		for _, part := range uuidParts() {
			b, _ = hex.AppendDecode(b, []byte(s[part.from:part.to])) // isUUID has looked at it
		}
		return b
	}
	return append(binary.AppendUvarint(b, uint64(len(s))<<1), s...)
}

const (
	uuidLength = 36
	uuidBytes  = 16
)

// uuidParts are the parts between the hyphens, and how many bytes each stands for.
func uuidParts() [5]uuidPart {
	return [...]uuidPart{{0, 8, 4}, {9, 13, 2}, {14, 18, 2}, {19, 23, 2}, {24, 36, 6}}
}

type uuidPart struct{ from, to, bytes int }

func isUUID(s string) bool {
	if len(s) != uuidLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// texts reads texts, one behind the other, into all.
type texts struct {
	numbers
	all  []byte
	ends []int // of each text in all
}

// textRoom is what the texts of most records need.
type textRoom struct {
	all  [384]byte
	ends [16]int
}

func (t *texts) read() {
	mark := t.next()
	length := mark >> 1
	if mark == uuidMark {
		length = uuidBytes
	}
	switch {
	case length > uint64(len(t.left)), mark != uuidMark && mark&1 != 0:
		t.bad, t.left = true, nil
	case mark == uuidMark:
		left := t.left
		for i, part := range uuidParts() {
			if i > 0 {
				t.all = append(t.all, '-')
			}
			t.all = hex.AppendEncode(t.all, left[:part.bytes])
			left = left[part.bytes:]
		}
		t.left = left
	default:
		t.all = append(t.all, t.left[:length]...)
		t.left = t.left[length:]
	}
	t.ends = append(t.ends, len(t.all))
}

// text returns a text from all of them.
func (t *texts) text(all string, i int) string {
	if i == 0 {
		return all[:t.ends[0]]
	}
	return all[t.ends[i-1]:t.ends[i]]
}
