package proof

import (
	"context"
	"math/rand/v2"
	"slices"

	names "github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/topic"
	"github.com/fencelog/fencelog/kafka/prove/internal/worker"
)

// held is one of the topics, and what a consumer has read of it.
type held struct {
	name       string
	partitions int32
	tail       *topic.Tail
	read       *history.Reader
}

// followTopics begins to consume the topics.
func (r *run) followTopics(ctx context.Context) error {
	for _, t := range []struct {
		category   string
		partitions int32
		log        topic.Log
		read       *history.Reader
	}{
		{worker.Category, partitions, r.log, &r.log.Reader},
		{bank.Category, bankPartitions, r.bankLog, &r.bankLog.Reader},
	} {
		h := &held{name: names.Name(topicPrefix, t.category), partitions: t.partitions, read: t.read}
		var err error
		if h.tail, err = topic.Follow(ctx, r.cluster.Brokers(), h.name, h.partitions, t.log); err != nil {
			r.leaveTopics()
			return err
		}
		r.topics = append(r.topics, h)
	}
	return nil
}

// leaveTopics ends consuming.
func (r *run) leaveTopics() {
	for _, t := range r.topics {
		t.tail.Close()
	}
}

// catchUp waits until everything is read that the topics hold now.
func (r *run) catchUp(ctx context.Context) error {
	for _, t := range r.topics {
		if err := t.tail.CatchUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// allPartitions is how many partitions a store claims.
const allPartitions = partitions + bankPartitions

// somePlace returns one of the partitions.
func (r *run) somePlace(rng *rand.Rand) place {
	n := rng.Int32N(allPartitions)
	for _, t := range r.topics {
		if n < t.partitions {
			return place{t.name, n}
		}
		n -= t.partitions
	}
	return place{}
}

// topicOf returns the topic of a place.
func (r *run) topicOf(at place) *held {
	return r.topics[slices.IndexFunc(r.topics, func(t *held) bool { return t.name == at.topic })]
}

// size returns how many records and markers the topics hold.
func (r *run) size() (records, markers int) {
	for _, t := range r.topics {
		n, m := t.read.Size()
		records, markers = records+n, markers+m
	}
	return records, markers
}

// strays returns the records that do not count.
func (r *run) strays() []history.Stray {
	var all []history.Stray
	for _, t := range r.topics {
		all = append(all, t.read.Strays()...)
	}
	return all
}
