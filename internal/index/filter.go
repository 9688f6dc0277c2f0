package index

import (
	"hash/maphash"
	"math/bits"
)

// filter knows of most streams that do not exist that they do not, without a look into the
// database. An append to a new stream needs to know just that. A filter is a Bloom filter in
// layers, each twice as large as the one before it. When a layer is as full as it should be, add
// makes the next one, up to a bound for all of them. Beyond the bound, every name may be that of a
// stream.
//
// A key sets its bits in one cache line (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient
// Bloom Filters, 2007). There are ten bits for each key. So the filter takes some 1 to 2 % of the
// names that are not there for possible ones.
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
	blockBytes  = 64
	keysOfBlock = 8 * blockBytes / 10
	bitsOfKey   = 6
	leastBlocks = 64
	mostLayers  = 4 // a name that is not there is looked for in all of them
)

func newFilter(maxBytes int) *filter { return &filter{seed: maphash.MakeSeed(), maxBytes: maxBytes} }

// firstBlocks returns the blocks of the first layer. Each layer is twice as large as the one before
// it, so all of them have 2^mostLayers − 1 times as many.
func (f *filter) firstBlocks() int { return max(f.maxBytes/blockBytes/(1<<mostLayers-1), leastBlocks) }

// add adds the name of a stream.
func (f *filter) add(name string) {
	n := len(f.layers)
	if n == 0 || f.layers[n-1].keys >= len(f.layers[n-1].blocks)*keysOfBlock {
		blocks := f.firstBlocks() << n
		if (2*blocks-f.firstBlocks())*blockBytes > f.maxBytes { // with all layers before it
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

// mayHave reports whether the name was perhaps added. If it reports false, the name was not added.
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

// nextBit returns the next number of a sequence. The highest nine bits of a number say which bit of
// a block is meant. The sequence is a linear congruential generator with Knuth's multiplier and an
// increment of one.
func nextBit(h uint64) uint64 { return h*6364136223846793005 + 1 }
