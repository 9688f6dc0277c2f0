package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// errTransactionalIDNotFound is Kafka's TRANSACTIONAL_ID_NOT_FOUND, which Sarama does not name.
const errTransactionalIDNotFound = sarama.KError(105)

// owners compares the last writer of each partition with the configured transactional id. An
// owner's claim and its batches carry the producer id that the coordinator has for the
// transactional id.
func (d *diagnosis) owners(ctx context.Context, topicsKnown bool) {
	const check = "owners"
	if !topicsKnown {
		d.skip(check, "topics are missing or cannot be described")
		return
	}
	c := &coordinators{d: d, brokers: make(map[string]*sarama.Broker)}
	defer c.close()
	written, foreign, unknown, example := 0, make(some), make(some), ""
	for _, g := range d.cfg.Topics.Categories {
		topic := d.cfg.Topics.NameOf(g.Name)
		for _, p := range d.readable(topic, g.Partitions) {
			wrote, what, err := d.writer(ctx, c, topic, p)
			switch {
			case errors.Is(err, sarama.ErrUnsupportedVersion):
				d.skip(check, "Kafka before 3.0 does not tell which producer has a transactional id")
				return
			case errors.Is(err, errAway), errors.Is(err, sarama.ErrLeaderNotAvailable):
				unknown.add(topic, p)
				continue
			case err != nil:
				d.failed(check, err)
				return
			}
			if wrote {
				written++
			}
			if what != "" {
				foreign.add(topic, p)
				example = cmp.Or(example, what)
			}
		}
	}
	if n := unknown.count() + d.lost.count(); n > 0 {
		d.skip(check, fmt.Sprintf("%d partitions, whose leader, or the coordinator of whose transactional ids, "+
			"does not answer", n))
	}
	switch {
	case len(foreign) > 0:
		d.add(check, Warning, fmt.Sprintf("another process than the owner by the configured transactional ids "+
			"wrote last in %d of %d partitions (%s): %s",
			foreign.count(), written, foreign, example),
			"give all instances the same KAFKA_TRANSACTIONAL_ID_PREFIX, stop whatever else writes to the topics, "+
				"and allow writing to this service alone, see kafka/connection/SECURITY.md; "+
				"after a change of the prefix this ends when the service has claimed")
	case written > 0:
		d.ok(check, "in %d partitions the owner by the configured transactional id was the last to write", written)
	case d.lost.count()+unknown.count() == 0:
		d.skip(check, "nothing is written yet")
	}
}

// errAway says that a coordinator does not answer.
var errAway = errors.New("the coordinator does not answer")

// writer looks who wrote last in a partition. wrote is false if nobody has. If the last writer was
// not the owner, foreign says who it was.
func (d *diagnosis) writer(ctx context.Context, c *coordinators, topic string, p int32) (wrote bool, foreign string,
	err error,
) {
	last, err := d.newestBatch(ctx, topic, p)
	if err != nil {
		return false, "", fmt.Errorf("read the newest batch of %s partition %d: %w", topic, p, err)
	}
	if last == nil {
		return false, "", nil
	}
	id := d.cfg.TransactionalID(topic, p)
	own, known, err := c.producerID(ctx, id)
	if err != nil || ctx.Err() != nil {
		return true, "", errors.Join(err, context.Cause(ctx))
	}
	switch {
	case known && own == last.ProducerID:
		return true, "", nil
	case known:
		foreign = fmt.Sprintf("transactional id %s has producer id %d", id, own)
	default:
		foreign = fmt.Sprintf("transactional id %s has none, or the brokers have forgotten it", id)
	}
	return true, fmt.Sprintf("in %s partition %d the newest batch is of producer id %d, and %s", topic, p,
		last.ProducerID, foreign), nil
}

// coordinators are connections to the coordinators of transactional ids. They use requests of Kafka
// 3.0.
type coordinators struct {
	d       *diagnosis
	brokers map[string]*sarama.Broker // by address
	absent  int                       // transactional ids that have no coordinator now
}

// manyAbsent is the number of absent coordinators after which the others are taken for absent, too.
// To ask for each takes a second.
const manyAbsent = 2

// producerID asks which producer id a transactional id has. known is false if it has none.
func (c *coordinators) producerID(ctx context.Context, id string) (producerID int64, known bool, err error) {
	need := access.Need{Operation: access.Describe, Resource: access.TransactionalID, Name: id}
	if c.absent >= manyAbsent {
		return 0, false, errAway
	}
	coordinator, err := c.of(ctx, id)
	switch {
	case errors.Is(err, sarama.ErrConsumerCoordinatorNotAvailable):
		c.absent++
		return 0, false, errAway
	case err != nil:
		return 0, false, access.Explain(err, need)
	}
	if len(c.d.away([]int32{coordinator.ID()})) > 0 {
		return 0, false, errAway
	}
	b := c.brokers[coordinator.Addr()]
	if b == nil {
		cfg := *c.d.sarama
		cfg.Version = sarama.V3_0_0_0
		b = sarama.NewBroker(coordinator.Addr())
		if err := b.Open(&cfg); err != nil {
			return 0, false, err
		}
		c.brokers[coordinator.Addr()] = b
	}
	r, err := b.DescribeTransactions(&sarama.DescribeTransactionsRequest{TransactionalIDs: []string{id}})
	if err != nil {
		return 0, false, fmt.Errorf("ask for transactional id %s: %w", id, err)
	}
	for _, s := range r.TransactionStates {
		switch {
		case s.TransactionalID != id:
		case s.ErrorCode == errTransactionalIDNotFound:
			return 0, false, nil
		case s.ErrorCode != sarama.ErrNoError:
			return 0, false, access.Explain(s.ErrorCode, need)
		default:
			return s.ProducerID, true, nil
		}
	}
	return 0, false, fmt.Errorf("ask for transactional id %s: %w", id, sarama.ErrIncompleteResponse)
}

// of returns the coordinator of a transactional id, as brokers that answer say.
func (c *coordinators) of(ctx context.Context, id string) (*sarama.Broker, error) {
	return client.Ask(ctx, c.d.client, func(b *sarama.Broker) (*sarama.Broker, error) {
		r, err := b.FindCoordinator(&sarama.FindCoordinatorRequest{
			Version: 2, CoordinatorKey: id,
			CoordinatorType: sarama.CoordinatorTransaction,
		})
		if err != nil {
			return nil, err
		}
		return r.Coordinator, client.ErrorOf(r.Err)
	})
}

func (c *coordinators) close() {
	for _, b := range c.brokers {
		_ = b.Close()
	}
}
