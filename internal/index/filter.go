package index

import (
	"hash/maphash"
	"math/bits"
)

// filter tells of most streams that there are none of that name, without a look into the database,
// which is what an append to a new stream needs to know. It is a Bloom filter in layers, each twice
// as large as the one before it; a layer is made when the one before it is as full as it should be,
// up to a bound for all of them. Beyond that, whatever is not known could be there.
//
// A key sets its bits in one cache line (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient
// Bloom Filters, 2007). With ten bits for each key some 1 to 2 % of the streams that are not there
// are said to be possible.
type filter struct {
	seed     maphash.Seed
	layers   []filterLayer
	maxBytes int  // of all layers
	over     bool // there was no room for a key
}

// filterLayer is some blocks, and how many keys were added to them.
type filterLayer struct {
	blocks []filterBlock
	keys   int
}

// filterBlock is a cache line.
type filterBlock [8]uint64

const (
	blockBytes       = 64
	keysOfBlock      = 8 * blockBytes / 10
	bitsOfKey        = 6
	firstLayerBlocks = 64
)

func newFilter(maxBytes int) *filter { return &filter{seed: maphash.MakeSeed(), maxBytes: maxBytes} }

// add adds the name of a stream.
func (f *filter) add(name string) {
	n := len(f.layers)
	if n == 0 || f.layers[n-1].keys >= len(f.layers[n-1].blocks)*keysOfBlock {
		blocks := firstLayerBlocks << n
		if (2*blocks-firstLayerBlocks)*blockBytes > f.maxBytes { // with all layers before it
			f.over = true
			return
		}
		f.layers = append(f.layers, filterLayer{blocks: make([]filterBlock, blocks)})
		n++
	}
	l := &f.layers[n-1]
	h := maphash.String(f.seed, name)
	block := l.block(h)
	for range bitsOfKey {
		h = nextBit(h)
		block[h>>61] |= 1 << (h >> 55 & 63)
	}
	l.keys++
}

// mayHave reports whether the name was perhaps added; if not, it was not.
func (f *filter) mayHave(name string) bool {
	if f.over {
		return true
	}
	h := maphash.String(f.seed, name)
	for i := len(f.layers) - 1; i >= 0; i-- {
		if f.layers[i].mayHave(h) {
			return true
		}
	}
	return false
}

func (l *filterLayer) mayHave(h uint64) bool {
	block := l.block(h)
	for range bitsOfKey {
		h = nextBit(h)
		if block[h>>61]&(1<<(h>>55&63)) == 0 {
			return false
		}
	}
	return true
}

// block returns the block of a hash, whatever the number of blocks (Lemire: Fast Random Integer
// Generation in an Interval, 2019).
func (l *filterLayer) block(h uint64) *filterBlock {
	place, _ := bits.Mul64(h, uint64(len(l.blocks)))
	return &l.blocks[place]
}

// nextBit returns the next number of a sequence whose highest nine bits say which bit of a block is
// meant: Knuth's multiplier for a linear congruential generator, with an increment of one.
func nextBit(h uint64) uint64 { return h*6364136223846793005 + 1 }
