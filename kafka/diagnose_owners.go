package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
)

// errTransactionalIDNotFound is Kafka's TRANSACTIONAL_ID_NOT_FOUND, which Sarama does not name.
const errTransactionalIDNotFound = sarama.KError(105)

// owners compares who wrote last in each partition with the configured transactional id. An owner's claim and its batches carry the
// producer id that the coordinator has for the transactional id.
func (d *diagnosis) owners(ctx context.Context, topicsKnown bool) {
	const check = "owners"
	if !topicsKnown {
		d.skip(check, "topics are missing or cannot be described")
		return
	}
	c := &coordinators{d: d, brokers: make(map[string]*sarama.Broker)}
	defer c.close()
	before, written := len(d.findings), 0
	for _, g := range d.cfg.Categories {
		n, err := d.ownersOf(ctx, c, d.cfg.topic(g.Type), g.Partitions)
		written += n
		switch {
		case errors.Is(err, sarama.ErrUnsupportedVersion):
			d.skip(check, "Kafka before 3.0 does not tell which producer has a transactional id")
			return
		case err != nil:
			d.failed(check, err)
			return
		}
	}
	switch {
	case len(d.findings) > before:
	case written == 0:
		d.skip(check, "nothing is written yet")
	default:
		d.ok(check, "in %d partitions the owner by the configured transactional id was the last to write", written)
	}
}

// ownersOf looks at the partitions of a topic, and returns how many hold something.
func (d *diagnosis) ownersOf(ctx context.Context, c *coordinators, topic string, partitions int32) (written int, err error) {
	var foreign []string
	var example string
	for p := range partitions {
		last, err := d.newestBatch(ctx, topic, p)
		if err != nil {
			return written, fmt.Errorf("read the newest batch of %s partition %d: %w", topic, p, err)
		}
		if last == nil {
			continue
		}
		written++
		id := d.cfg.transactionalID(topic, p)
		own, known, err := c.producerID(id)
		if err != nil || ctx.Err() != nil {
			return written, errors.Join(err, context.Cause(ctx))
		}
		if known && own == last.ProducerID {
			continue
		}
		if len(foreign) == 0 {
			example = fmt.Sprintf("in partition %d the newest batch is of producer id %d, and ", p, last.ProducerID)
			if known {
				example += fmt.Sprintf("transactional id %s has producer id %d", id, own)
			} else {
				example += fmt.Sprintf("transactional id %s has none, or the brokers have forgotten it", id)
			}
		}
		foreign = append(foreign, fmt.Sprint(p))
	}
	if len(foreign) > 0 {
		d.add("owners", VerdictWarning, fmt.Sprintf("topic %s: another process than the owner by the configured transactional ids wrote last in %d of %d partitions (%s): %s",
			topic, len(foreign), partitions, strings.Join(foreign, ", "), example),
			"give all instances the same KAFKA_TRANSACTIONAL_ID_PREFIX, stop whatever else writes to the topic, and allow writing to this service alone, "+
				"see kafka/SECURITY.md; after a change of the prefix this ends when the service has claimed")
	}
	return written, nil
}

// coordinators are connections to the coordinators of transactional ids, with requests of Kafka 3.0.
type coordinators struct {
	d       *diagnosis
	brokers map[string]*sarama.Broker // by address
}

// producerID asks which producer id a transactional id has. known is false if it has none.
func (c *coordinators) producerID(id string) (producerID int64, known bool, err error) {
	need := access.Need{Operation: access.Describe, Resource: access.TransactionalID, Name: id}
	coordinator, err := c.d.client.TransactionCoordinator(id)
	if err != nil {
		return 0, false, access.Explain(err, need)
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

func (c *coordinators) close() {
	for _, b := range c.brokers {
		_ = b.Close()
	}
}
