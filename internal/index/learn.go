package index

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// learnAtOnce is how many streams are added to the filter while it is held.
const learnAtOnce = 1024

// learn adds the streams of the database to the filter, which says nothing until it has them all.
// It does not begin while a store opens, but with the first question that the filter could have
// answered. One partition learns at a time. If learn fails, or the store is closed meanwhile, the
// filter goes on to say nothing.
func (p *Partition) learn() {
	if err := p.learnAll(); err != nil && !errors.Is(err, errClosing) {
		p.store.logger.Warn("index: streams are looked up in the database, as they could not be listed",
			"topic", p.topic, "partition", p.partition, "error", err)
	}
}

var errClosing = errors.New("the index is being closed")

func (p *Partition) learnAll() error {
	select {
	case p.store.learning <- struct{}{}:
		defer func() { <-p.store.learning }()
	case <-p.store.closing:
		return errClosing
	}
	it, err := p.store.db.NewIter(&pebble.IterOptions{
		LowerBound: appendSlot(nil, kindChunk, p.slot), UpperBound: appendSlot(nil, kindChunk+1, p.slot),
	})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }() // its error was asked for
	var last, name []byte
	for ok := it.First(); ok; {
		select {
		case <-p.store.closing:
			return errClosing
		default:
		}
		p.mu.Lock()
		for n := 0; ok && n < learnAtOnce; n++ {
			if stream := it.Key()[:len(it.Key())-versionBytes]; !bytes.Equal(stream, last) {
				last = append(last[:0], stream...)
				n := numbers{left: stream[slotBytes:]}
				name = n.text(name[:0], -1)
				p.known.add(string(name))
			}
			ok = it.Next()
		}
		p.mu.Unlock()
	}
	if err := it.Error(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learned = true
	return nil
}
