package groups

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// committedByUs is the metadata of every offset that a subscription commits. If an offset has other
// metadata, somebody has set it, such as with kafka-consumer-groups --reset-offsets, or an older
// release has committed it. Then the group handles the events from there on again, also those that
// were dead letters.
const committedByUs = "fencelog"

// OffsetError says that a group's offset lies outside of its partition. The member does not handle
// that partition, and goes on with its others.
type OffsetError struct {
	Group      string
	Topic      string
	Partition  int32
	Offset     int64 // the group's
	Begin, End int64 // of the partition
}

// Error says what was found, what was expected and what to do.
func (e *OffsetError) Error() string {
	return fmt.Sprintf("the offset of group %s in %s partition %d is %d, expected one from %d to %d: "+
		"stop the group's members, set it (kafka-consumer-groups --group %s --topic %s:%d --reset-offsets "+
		"--to-offset … --execute), and start them again",
		e.Group, e.Topic, e.Partition, e.Offset, e.Begin, e.End, e.Group, e.Topic, e.Partition)
}

// place returns the offset from which the partition is handled.
func (m claims) place(
	ctx context.Context, session sarama.ConsumerGroupSession, p Partition, n int32,
) (int64, error) {
	topic := m.cfg.Topic
	m.Stands.Begins(n, asking)
	found, err := Committed(ctx, m.client, m.sub.Group, topic, n)
	if err != nil {
		return 0, err
	}
	next := found.Offset
	if next < 0 {
		next, err = m.begin(ctx, p)
	} else if next > p.Index.Checkpoint().Next { // another member may have read more than this process
		err = m.within(ctx, n, next)
	}
	if err != nil || found.Ours {
		return next, err
	}
	m.Stands.Begins(n, delivery.Gathering)
	if err := m.rewind(ctx, n, next); err != nil {
		return 0, err
	}
	// It commits at once. Otherwise the next member that has the partition may begin elsewhere, or
	// handle the same events once more.
	session.MarkOffset(topic, n, next, committedByUs)
	session.ResetOffset(topic, n, next, committedByUs) // MarkOffset does nothing if the offset is the same
	session.Commit()
	return next, nil
}

// Offset is a group's offset of a partition.
type Offset struct {
	Offset int64 // below 0 if there is none
	Ours   bool  // a subscription committed it
}

// Committed asks the brokers for a group's offset of a partition.
func Committed(ctx context.Context, c sarama.Client, group, topic string, n int32) (Offset, error) {
	admin, err := sarama.NewClusterAdminFromClient(c)
	if err != nil {
		return Offset{}, err
	}
	r, err := dial.Promptly(ctx, func() (*sarama.OffsetFetchResponse, error) {
		return admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {n}})
	})
	if err != nil {
		err = access.Explain(err, access.Need{Operation: access.Describe, Resource: access.Group, Name: group})
		return Offset{}, fmt.Errorf("ask for the group's offset: %w", err)
	}
	block := r.GetBlock(topic, n)
	if block == nil {
		return Offset{}, errors.New("ask for the group's offset: the answer does not have the partition")
	}
	if block.Err != sarama.ErrNoError {
		return Offset{}, fmt.Errorf("ask for the group's offset: %w", block.Err)
	}
	return Offset{Offset: block.Offset, Ours: block.Metadata == committedByUs}, nil
}

// within returns an *[OffsetError] if the leader in office says that the offset lies behind the
// partition's end.
func (m claims) within(ctx context.Context, n int32, offset int64) error {
	data := log.Log{Client: m.client, Pool: m.client.Reading, Topic: m.cfg.Topic, Partition: n}
	_, _, err := data.Read(ctx, offset)
	var out *log.RangeError
	if errors.As(err, &out) {
		return &OffsetError{
			Group: m.sub.Group, Topic: out.Topic, Partition: out.Partition, Offset: offset, Begin: out.Begin,
			End: out.End,
		}
	}
	return err
}

// begin returns the offset at which the group begins with the partition.
func (m claims) begin(ctx context.Context, p Partition) (int64, error) {
	tail := p.Reader.Tail(m.sub.Start)
	if m.sub.Start.Time().IsZero() {
		err := tail.Place(ctx)
		return tail.Offset(), err
	}
	end := p.Index.Checkpoint().Next
	first := end
	for more := true; more; {
		var err error
		more, err = tail.Next(ctx, end, func(r eventstore.Record, _ *sarama.Record) bool {
			first = r.Position.Offset
			return false
		})
		if err != nil {
			return 0, err
		}
	}
	return first, nil
}

// rewind notes in the dead-letter topic that somebody has set the group's offset. It does so only
// if letters from there on are known.
func (m claims) rewind(ctx context.Context, n int32, from int64) error {
	if err := m.Current(ctx); err != nil {
		return err
	}
	if !m.KnowsFrom(n, from) {
		return nil
	}
	return m.letters.writer.Write(ctx, &letters.Entry{
		LetterID: subscription.LetterID{Handler: m.sub.Group, Topic: m.cfg.Topic, Partition: n, Offset: from},
		Kind:     letters.Rewound, At: clock.Now(),
		Note: "the group's offset was not committed by a subscription of this release",
	})
}
