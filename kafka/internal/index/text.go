package index

import "encoding/binary"

// A text is its length, twice, and its bytes. Most texts of a record are UUIDs, which are half of what a record takes: one that is
// written as they are (RFC 9562: 36 characters, lower case) is the number 1 and its 16 bytes.
const uuidMark = 1

func appendText(b []byte, s string) []byte {
	if id, ok := parseUUID(s); ok {
		return append(append(b, uuidMark), id[:]...)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))<<1), s...)
}

const (
	uuidLength = 36
	uuidBytes  = 16
)

// parseUUID returns the bytes of a UUID in the one form that appendUUID gives them.
func parseUUID(s string) (id [uuidBytes]byte, ok bool) {
	if len(s) != uuidLength || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	wrong := byte(0)
	at := 0
	for i := range id {
		switch i {
		case 4, 6, 8, 10:
			at++ // the hyphen
		}
		high, low := digitValues[s[at]], digitValues[s[at+1]]
		wrong |= high | low
		id[i] = high<<4 | low&0xf
		at += 2
	}
	return id, wrong < noDigit
}

// appendUUID appends 16 bytes as a UUID.
func appendUUID(b, id []byte) []byte {
	for i, v := range id[:uuidBytes] {
		switch i {
		case 4, 6, 8, 10:
			b = append(b, '-')
		}
		b = append(b, digits[v>>4], digits[v&0xf])
	}
	return b
}

const digits = "0123456789abcdef"

// digitValues are those of hexadecimal digits, and noDigit for every other byte.
var digitValues = func() (values [256]byte) {
	for i := range values {
		values[i] = noDigit
	}
	for i := range digits {
		values[digits[i]] = byte(i)
	}
	return values
}()

const noDigit = 0x10

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
		t.all = appendUUID(t.all, t.left)
		t.left = t.left[uuidBytes:]
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
