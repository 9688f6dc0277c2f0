package index

import (
	"encoding/binary"
	"encoding/hex"
)

// A text is twice its length as a number, and its bytes. Three kinds of text are shorter:
//
//   - A UUID in its usual form (RFC 9562: 36 characters, lower case) is the number 1 and its 16
//     bytes. Most texts of a record are UUIDs, which are half of what a record takes.
//   - A text that is the same as the one before it is the number 3. The ids of causes often are the
//     same.
//   - A digest of 16 bytes in hexadecimal, lower case, is the number 5 and its bytes.
const (
	uuidMark   = 1
	sameMark   = 3
	digestMark = 5
)

func appendText(b []byte, s string) []byte {
	if id, ok := parseUUID(s); ok {
		return append(append(b, uuidMark), id[:]...)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))<<1), s...)
}

// appendAfter appends a text that stands behind another.
func appendAfter(b []byte, before, s string) []byte {
	if s == before && s != "" {
		return append(b, sameMark)
	}
	return appendText(b, s)
}

// appendDigest appends the digest of a command.
func appendDigest(b []byte, s string) []byte {
	if len(s) != 2*digestBytes {
		return appendText(b, s)
	}
	var digest [digestBytes]byte
	wrong := byte(0)
	for i := range digest {
		high, low := digitValues[s[2*i]], digitValues[s[2*i+1]]
		wrong |= high | low
		digest[i] = high<<4 | low&0xf
	}
	if wrong >= noDigit {
		return appendText(b, s)
	}
	return append(append(b, digestMark), digest[:]...)
}

const digestBytes = 16

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
//
//nolint:gochecknoglobals // a table, never changed
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

// text appends the next text to all; the one before it begins at before, or there is none if that
// is negative.
func (n *numbers) text(all []byte, before int) []byte {
	mark := n.next()
	length := mark >> 1
	switch {
	case mark == uuidMark && len(n.left) >= uuidBytes:
		all = appendUUID(all, n.left)
		n.left = n.left[uuidBytes:]
	case mark == digestMark && len(n.left) >= digestBytes:
		all = hex.AppendEncode(all, n.left[:digestBytes])
		n.left = n.left[digestBytes:]
	case mark == sameMark && before >= 0:
		all = append(all, all[before:]...)
	case mark&1 == 0 && length <= uint64(len(n.left)):
		all = append(all, n.left[:length]...)
		n.left = n.left[length:]
	default:
		n.bad, n.left = true, nil
	}
	return all
}
