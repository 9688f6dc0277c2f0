package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// extra looks at the partitions of a topic beyond those that are wanted. Kafka can add partitions
// and cannot take them away, so there must be a way back for who has added some: they may exist as
// long as nobody has written to them. Markers are no records: a service that was configured with
// the larger number, and refused, has left some.
func extra(ctx context.Context, c *client, t *TopicStatus, found int32) error {
	if found <= t.Partitions {
		return nil
	}
	var used []string
	for p := t.Partitions; p < found; p++ {
		why, err := c.used(ctx, t.Name, p)
		var unseen *unseenError
		if errors.As(err, &unseen) {
			why, err = unseen.Error(), nil // it may hold records
		}
		if err != nil {
			return fmt.Errorf("look for records in partition %d of topic %s: %w", p, t.Name, err)
		}
		if why != "" {
			used = append(used, fmt.Sprintf("partition %d %s", p, why))
		}
	}
	if len(used) == 0 {
		t.Extra = found - t.Partitions
		return nil
	}
	t.Differences = append([]Difference{{
		Property: "partitions", Found: fmt.Sprintf("%d (%s)", found, strings.Join(used, ", ")), Want: strconv.Itoa(int(t.Partitions)),
	}}, t.Differences...)
	return nil
}

// used returns why a partition must not be taken for empty, or nothing; or an *[unseenError].
func (c *client) used(ctx context.Context, topic string, p int32) (why string, err error) {
	end, err := c.endOf(ctx, topic, p)
	if err != nil {
		return "", &unseenError{err}
	}
	whole := log.Log{Client: c, Pool: c.reading, Topic: topic, Partition: p}
	for at := int64(0); at < end; {
		records, next, err := whole.Read(ctx, at)
		var out *log.RangeError
		var corrupt *log.CorruptError
		if len(records) > 0 || errors.As(err, &out) || errors.As(err, &corrupt) {
			return "holds records, or did", nil
		}
		if err != nil {
			return "", err
		}
		at = next
	}
	return "", nil
}

// unseenError says that nobody tells where a partition ends.
type unseenError struct{ err error }

func (e *unseenError) Error() string { return fmt.Sprintf("cannot be looked at: %v", e.err) }

func (e *unseenError) Unwrap() error { return e.err }

// endOf returns where a partition ends. One that was just added may have no leader yet.
func (c *client) endOf(ctx context.Context, topic string, p int32) (end int64, err error) {
	for range askRounds {
		if end, err = c.GetOffset(topic, p, sarama.OffsetNewest); err == nil || clock.Wait(ctx, askPause) != nil {
			break
		}
	}
	return end, err
}
