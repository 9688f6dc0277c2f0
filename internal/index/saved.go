package index

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// places calls use with the places of the stream's chunks, the newest first, until use returns
// false. It begins with the chunk that has the version to, or that ends before it. The marks of a
// place are valid during the call.
func (p *Partition) places(db *pebble.DB, aggregateID string, to int64, use func(place) bool) error {
	it, err := p.store.iterators.open(db)
	if err != nil {
		return err
	}
	defer p.store.iterators.done(it)
	return p.placesOf(it, aggregateID, to, use)
}

// placesOf is places with an iterator.
func (p *Partition) placesOf(it *iterator, aggregateID string, to int64, use func(place) bool) error {
	key := appendVersion(appendStream(make([]byte, 0, 64), kindChunk, p.slot, aggregateID), to)
	for ok := it.SeekPrefixGE(key); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		found, err := decodePlace(it.Key(), value)
		if err != nil {
			return fmt.Errorf("stream %q: %w", aggregateID, err)
		}
		if !use(found) {
			return nil
		}
	}
	return it.Error()
}

// buffers are what chunks are read into.
//
//nolint:gochecknoglobals // pools are shared
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// chunk calls use with each encoded record of the chunk at a place, in order. They are valid during
// the call.
func (p *Partition) chunk(aggregateID string, at place, use func(version int64, encoded []byte) error) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if cap(*buffer) < at.length {
		*buffer = make([]byte, at.length)
	}
	b := (*buffer)[:at.length]
	err := p.store.files.read(b, at.file, at.offset)
	if err == nil {
		err = decodeChunk(b, appendStream(make([]byte, 0, 64), kindChunk, p.slot, aggregateID), at, use)
	}
	if err != nil {
		return fmt.Errorf("versions %d to %d of stream %q: %w", at.from, at.last(), aggregateID, err)
	}
	return nil
}
