package damage

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// foreignTransactions commits and aborts transactions of another program in the topic, while the
// store works.
func foreignTransactions(ctx context.Context, t *trial) error {
	client, err := t.producer(kgo.TransactionalID("foreign-" + t.topic))
	if err != nil {
		return err
	}
	defer client.Close()
	for range 3 + t.rng.IntN(4) {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		if err := t.intrude(ctx, client); err != nil {
			return err
		}
		commit := kgo.TransactionEndTry(t.rng.IntN(2) == 0)
		if err := client.EndTransaction(ctx, commit); err != nil {
			return err
		}
		if err := t.mingle(ctx); err != nil {
			return err
		}
	}
	t.sleep()
	return nil
}

// foreignProducers writes to the topic as other programs, some idempotent, some not.
func foreignProducers(ctx context.Context, t *trial) error {
	for _, plain := range []bool{true, false} {
		var options []kgo.Opt
		if plain {
			options = append(options, kgo.DisableIdempotentWrite())
		}
		client, err := t.producer(options...)
		if err != nil {
			return err
		}
		for range 3 + t.rng.IntN(4) {
			if err = t.intrude(ctx, client); err == nil {
				err = t.mingle(ctx)
			}
			if err != nil {
				break
			}
		}
		client.Close()
		if err != nil {
			return err
		}
	}
	t.sleep()
	return nil
}

func (t *trial) producer(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(t.cluster.Brokers()...), kgo.DefaultProduceTopic(t.topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, options...)...)
}

// mingle lets the owner append between two intrusions. The owner may be claiming again just then.
func (t *trial) mingle(ctx context.Context) error {
	for range t.rng.IntN(6) {
		s := stream(t.rng.IntN(streams))
		if err := t.again(ctx, func() error { return t.append(ctx, t.owner, s) }); err != nil {
			return err
		}
	}
	return nil
}

// intrude writes some records that are not the store's. Some make no sense, and some look like the
// next event of a stream.
func (t *trial) intrude(ctx context.Context, client *kgo.Client) error {
	for range 1 + t.rng.IntN(3) {
		s := stream(t.rng.IntN(streams))
		r := &kgo.Record{Partition: t.placed[s], Key: []byte(s), Value: []byte("foreign")}
		if t.rng.IntN(2) == 0 {
			t.events++
			id, version := fmt.Sprintf("foreign-%d", t.events), strconv.Itoa(len(t.owner.seen[s])+1)
			r.Value = []byte(id)
			for name, value := range map[string]string{
				"eventId": id, "eventType": "Damaged", "eventVersion": "1", "aggregateType": category,
				"aggregateVersion": version, "commitFirst": version, "commitLength": "1",
			} {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
			}
		}
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			return fmt.Errorf("a foreign record: %w", err)
		}
	}
	return nil
}
