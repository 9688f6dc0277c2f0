package letters

// offsets is a set of offsets, none negative. It has a bit for each, so that the letters of a long
// lane, close to one another, take little memory. It shrinks only where somebody sets the group's
// offset back: a letter may be written late, however long ago it was resolved.
type offsets map[int64]uint64

const wordBits = 64

func (o offsets) add(offset int64) { o[offset/wordBits] |= 1 << (offset % wordBits) }

func (o offsets) has(offset int64) bool { return o[offset/wordBits]&(1<<(offset%wordBits)) != 0 }

// cut takes out the offsets from one on.
func (o offsets) cut(from int64) {
	for word, bits := range o {
		switch first := from / wordBits; {
		case word > first:
			bits = 0
		case word == first:
			bits &= 1<<(from%wordBits) - 1
		}
		if bits == 0 {
			delete(o, word)
		} else {
			o[word] = bits
		}
	}
}
