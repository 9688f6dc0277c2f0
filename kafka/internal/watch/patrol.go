package watch

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/fencelog/fencelog/kafka/topics"
)

// A look fetches so many batches of each partition. The first look after a store was opened fetches
// more. The topic may have been compacted while no store ran, and a kept index is not read again
// from the log.
const (
	probesOfFirstLook = 8
	probesOfLook      = 1
)

// Log is a partition's log and what the store knows of it, for a [Watch] that probes it.
type Log struct {
	Topic     string
	Partition int32

	// Readable returns why the store cannot read the partition; nil if it can.
	Readable func() error
	// Known returns the offset before which the store has read everything.
	Known func() int64
	// Probe fetches what the log has at an offset. It returns what the log lacks there, or "" if it
	// is whole. It fails if a broker does not answer.
	Probe func(ctx context.Context, offset int64) (lacks string, err error)
}

// patrol looks whether logs still hold what the store has read. Settings that are right do not say
// so: they may have been wrong while no store ran, or between two looks. The index of the store has
// its streams whole, so a partition whose log lacks records goes on.
//
// A log that lacks records lacks them until somebody restores the topic, and then another store
// opens it. So a patrol does not look again at such a log. One goroutine at a time uses a patrol.
type patrol struct {
	answer time.Duration // that a broker may take
	rng    *rand.Rand
	beats  []*beat
}

// beat is a log, as the patrol knows it.
type beat struct {
	Log

	begun bool   // the first look is over
	lacks string // what the log lacks; empty as long as nothing is known to be missing
}

func newPatrol(logs []Log, answer time.Duration) *patrol {
	seed := rand.NewPCG(rand.Uint64(), rand.Uint64()) //nolint:gosec // it chooses where to look, and guards nothing
	p := &patrol{answer: answer, rng: rand.New(seed)} //nolint:gosec // as above
	for _, l := range logs {
		p.beats = append(p.beats, &beat{Log: l})
	}
	return p
}

// walk looks at each log of the topics that are there, and returns what is known to be missing,
// also from before. It fails if a broker does not answer.
func (p *patrol) walk(ctx context.Context, there func(topic string) bool) (found []topics.Problem, err error) {
	for _, b := range p.beats {
		// A partition that has failed has said that its log is not what it was.
		if b.lacks == "" && there(b.Topic) && b.Readable() == nil {
			if err := p.probe(ctx, b); err != nil {
				return nil, err
			}
		}
		if b.lacks != "" {
			found = append(found, problem(b.Topic, propertyLog+strconv.Itoa(int(b.Partition)), b.lacks, "whole"))
		}
	}
	return found, nil
}

// probe divides the log, as far as the store has read it, into one equal part for each probe. It
// looks at one offset in each part.
func (p *patrol) probe(ctx context.Context, b *beat) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.answer)
	defer cancel()
	probes, end := int64(probesOfLook), b.Known()
	if !b.begun {
		probes = min(probesOfFirstLook, end)
	}
	for i := range min(probes, end) {
		from, to := part(end, i, probes), part(end, i+1, probes)
		if b.lacks, err = b.Probe(ctx, from+p.rng.Int64N(to-from)); err != nil || b.lacks != "" {
			return err
		}
	}
	b.begun = true
	return nil
}

// part divides the offsets before end into equal parts, and returns where one of them begins.
func part(end, number, parts int64) int64 {
	return end/parts*number + end%parts*number/parts // end*number may be too large
}
