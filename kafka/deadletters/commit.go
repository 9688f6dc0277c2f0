package deadletters

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/kafka/internal/groups"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// others returns what became of the other events of a letter's commit.
func (t *Topic) others(
	ctx context.Context, letter *letters.Entry, r *eventstore.Record,
) (parts []subscription.Part, err error) {
	if r.Commit.Size < 2 {
		return nil, nil
	}
	commit, err := t.commit(ctx, letter.Topic, r)
	if err != nil {
		return nil, fmt.Errorf("read the commit of a dead letter: %w", err)
	}
	committed, err := groups.Committed(ctx, t.client, letter.Handler, letter.Topic, letter.Partition)
	if err != nil {
		return nil, fmt.Errorf("group %s, %s partition %d: %w", letter.Handler, letter.Topic, letter.Partition, err)
	}
	err = t.current(ctx, func() { parts = t.ledger.Parts(letter, commit, committed.Offset) })
	return parts, err
}

// commit reads the records of the commit that the record is part of. They stand at consecutive
// offsets, and count because the record does.
func (t *Topic) commit(ctx context.Context, topic string, r *eventstore.Record) ([]eventstore.Record, error) {
	data := log.Log{Client: t.client, Pool: t.client.Reading, Topic: topic, Partition: r.Position.Partition}
	first := r.Position.Offset - int64(r.Commit.Index) + 1
	var commit []eventstore.Record
	for len(commit) < r.Commit.Size {
		at := first + int64(len(commit))
		records, err := data.At(ctx, at)
		if err != nil {
			return nil, err
		}
		before := len(commit)
		for _, raw := range records {
			if raw.Offset < at || len(commit) == r.Commit.Size {
				continue
			}
			part, err := wire.Decode(raw.Record)
			index := len(commit) + 1
			if err == nil && (part.Commit.Index != index || part.Commit.Size != r.Commit.Size) {
				err = fmt.Errorf("it is event %d of %d", part.Commit.Index, part.Commit.Size)
			}
			if err != nil {
				return nil, fmt.Errorf("%s partition %d: found at offset %d: %w; expected event %d of %d: "+
					"was the topic made again?", topic, data.Partition, raw.Offset, err, index, r.Commit.Size)
			}
			part.Position = event.Position{Partition: data.Partition, Offset: raw.Offset}
			commit = append(commit, part)
		}
		if len(commit) == before {
			return nil, fmt.Errorf("%s partition %d: found no record at offset %d, expected event %d of %d: "+
				"was the topic made again?", topic, data.Partition, at, before+1, r.Commit.Size)
		}
	}
	return commit, nil
}
