package kafka

import (
	"context"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/owner"
	"github.com/fencelog/fencelog/kafka/internal/partition"
)

// AppendEach implements [eventstore.Store]. Commits of a list share record batches as those of many
// callers do. The partitions take their parts of the list at the same time. So no commit waits for
// one of another partition, whose brokers may be away.
//
// [Config].MaxWaitingCommits and MaxWaitingBytes bound what waits in the queue of a partition. The
// rest of a list waits under ctx and is not copied before.
//
// The errors of an answer are those of Append.
func (s *Store) AppendEach(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	if len(commits) == 0 {
		return nil
	}
	start := clock.Reading()
	answers := make([]eventstore.Answer, len(commits))
	tell := func(i int, r eventstore.Result, err error) {
		err = s.explained(err)
		answers[i] = eventstore.Answer{Result: r, Err: err}
		s.tell(ctx, start, commits[i], r, err)
	}
	parts := make(map[*partition.Partition]*listPart)
	for i := range commits {
		p, tips, err := s.prepared(ctx, &commits[i])
		if err != nil {
			tell(i, eventstore.Result{}, err)
			continue
		}
		if parts[p] == nil {
			parts[p] = new(listPart)
		}
		parts[p].add(i, owner.Order{Commit: &commits[i], Tips: tips})
	}
	var all sync.WaitGroup
	for p, part := range parts {
		all.Go(func() {
			p.AppendEach(ctx, part.orders, func(k int, r eventstore.Result, err error) { tell(part.places[k], r, err) })
		})
	}
	all.Wait()
	return answers
}

// prepared checks a commit of a list. It returns the partition and the tips of its expectations;
// nil if none has one.
func (s *Store) prepared(
	ctx context.Context, c *eventstore.Commit,
) (p *partition.Partition, tips []*owner.Tip, err error) {
	if err := eventstore.RefuseCheck(*c); err != nil {
		return nil, nil, err
	}
	if err := s.check(*c); err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(c.Expect, func(e eventstore.Expectation) bool { return e.Tip != nil }) {
		if tips, err = s.tipsOf(nil, c.Expect); err != nil {
			return nil, nil, err
		}
	}
	stored, err := s.partitionOf(ctx, c.Stream())
	return stored.Partition, tips, err
}

// listPart is the part of a list that is of one partition.
type listPart struct {
	orders []owner.Order
	places []int // of them in the list
}

func (l *listPart) add(place int, o owner.Order) {
	l.orders, l.places = append(l.orders, o), append(l.places, place)
}
