package kafka

import (
	"context"
	"math/rand/v2"
	"strconv"
)

// How many batches a look fetches of each partition. The first one after a store was opened fetches more: the
// topic may have been compacted while no store ran, and a kept index is not read again from the log.
const (
	probesOfFirstLook = 8
	probesOfLook      = 1
)

// patrol looks whether the log still holds what the index has read. Settings that are right do not say so: they may
// have been wrong while no store ran, or between two looks. Streams are whole in the index all the same, so a
// partition whose log lacks records goes on.
//
// What is gone stays gone until the topic is restored, and that takes another store: a partition whose log lacks
// records is not looked at again. One goroutine at a time uses a patrol.
type patrol struct {
	cfg   Config
	rng   *rand.Rand
	beats []*beat
}

// beat is a partition, as the patrol knows it.
type beat struct {
	storedPartition

	begun bool   // the first look is over
	lacks string // what its log lacks; empty as long as nothing is known to be missing
}

// newPatrol returns the patrol of all partitions of which the store has an index.
func newPatrol(s *Store) *patrol {
	p := &patrol{cfg: s.cfg, rng: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))} //nolint:gosec // chooses what to look at, guards nothing
	for _, g := range s.cfg.Categories {
		for _, of := range s.categories[g.Name].partitions {
			p.beats = append(p.beats, &beat{storedPartition: of})
		}
	}
	return p
}

// walk looks at each partition of the topics that are there, and returns what is known to be missing, also from before. It
// fails if a broker does not answer.
func (p *patrol) walk(ctx context.Context, there func(topic string) bool) (found []TopicProblem, err error) {
	for _, b := range p.beats {
		// A partition that has failed has said that its log is not what it was.
		if b.lacks == "" && there(b.reader.Topic) && b.Readable() == nil {
			if err := p.probe(ctx, b); err != nil {
				return nil, err
			}
		}
		if b.lacks != "" {
			found = append(found, problem(b.reader.Topic, propertyLog+strconv.Itoa(int(b.reader.Partition)), b.lacks, "whole"))
		}
	}
	return found, nil
}

// probe looks at one offset in each of as many equal parts of what the index has read of the partition as there are probes.
func (p *patrol) probe(ctx context.Context, b *beat) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Connection.RequestTimeout)
	defer cancel()
	probes, end := int64(probesOfLook), b.index.Checkpoint().Next
	if !b.begun {
		probes = min(probesOfFirstLook, end)
	}
	for i := range min(probes, end) {
		from, to := part(end, i, probes), part(end, i+1, probes)
		if b.lacks, err = b.reader.Probe(ctx, from+p.rng.Int64N(to-from)); err != nil || b.lacks != "" {
			return err
		}
	}
	b.begun = true
	return nil
}

// part returns where the part of this number of so many equal parts of the offsets before end begins.
func part(end, number, parts int64) int64 {
	return end/parts*number + end%parts*number/parts // end*number may be too large
}
