package claim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// markTime is how long the coordinator leaves the empty transaction of a claim open. Then it ends
// the transaction by itself, and that fences the claimer. The time is enough for a coordinator to
// move. The next claim ends the transaction at once.
const markTime = time.Minute

// coordinator is the conversation with the transaction coordinator of one partition's claims.
// Nothing else uses its connection. So when a context ends, only the request that waits is cut. One
// goroutine at a time uses it.
type coordinator struct {
	client          sarama.Client
	topic           string
	partition       int32
	transactionalID string
	timeout         time.Duration // of the transaction
	logger          *slog.Logger

	config sarama.Config // the client's, with connections of the coordinator's own
	conns  *dial.Conns
	broker *sarama.Broker

	// late is the term under which a request to begin a transaction got no answer and was sent
	// again. The coordinator may take the first copy at any time later. After a minute it aborts
	// the transaction that the copy begins, and that fences the owner.
	late index.Term
}

func newCoordinator(cfg *Config) *coordinator {
	c := &coordinator{
		client: cfg.Client, topic: cfg.Topic, partition: cfg.Partition, transactionalID: cfg.TransactionalID,
		timeout: max(cfg.RequestTimeout, markTime), logger: cfg.Logger, config: *cfg.Client.Config(),
		late: index.NoTerm(),
	}
	c.conns = dial.Use(&c.config)
	return c
}

// initTerm asks the coordinator for a new term. The coordinator aborts what an older term left
// open. doubt says that the coordinator may have stored a term that no answer told of. It fails
// with a *LostError if the coordinator knows a later claim than previous, or knows no claim.
func (c *coordinator) initTerm(ctx context.Context, previous index.Term) (term index.Term, doubt bool, err error) {
	err = c.ask(ctx, func(b *sarama.Broker) error {
		r, err := b.InitProducerID(&sarama.InitProducerIDRequest{
			Version:            4,
			TransactionalID:    &c.transactionalID,
			TransactionTimeout: c.timeout,
			ProducerID:         previous.ProducerID,
			ProducerEpoch:      previous.Epoch,
		})
		if err == nil {
			term, err = index.Term{ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}, retry.NoneIsNil(r.Err)
		}
		// An answer that is not final may hide that the new term was stored. The answer that a
		// transaction is in the way hides nothing.
		doubt = doubt || err != nil && retry.KindOf(err) == retry.Passing &&
			!errors.Is(err, sarama.ErrConcurrentTransactions)
		return err
	})
	// A coordinator that has forgotten the transactional id, or given it to another, does not know
	// the term any more.
	if err != nil && (retry.KindOf(err) == retry.Fenced || previous != index.NoTerm() && forgotten(err)) {
		err = lostError(c.topic, c.partition, previous, err)
	}
	return term, doubt, err
}

func forgotten(err error) bool { return errors.Is(err, sarama.ErrInvalidProducerIDMapping) }

// transact begins an empty transaction over the partition, and ends it by a commit or an abort. Its
// only trace is the marker. Both requests may be sent again, because a partition is added once and
// a transaction ends once.
func (c *coordinator) transact(ctx context.Context, term index.Term, commit bool) error {
	err := c.ask(ctx, func(b *sarama.Broker) error {
		r, err := b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version:         2,
			TransactionalID: c.transactionalID,
			ProducerID:      term.ProducerID,
			ProducerEpoch:   term.Epoch,
			TopicPartitions: map[string][]int32{c.topic: {c.partition}},
		})
		if err != nil {
			c.late = term
			return err
		}
		for _, e := range r.Errors[c.topic] {
			if e.Err != sarama.ErrNoError {
				return e.Err
			}
		}
		return nil
	})
	if err == nil {
		err = c.ask(ctx, func(b *sarama.Broker) error {
			r, err := b.EndTxn(&sarama.EndTxnRequest{
				Version:           2,
				TransactionalID:   c.transactionalID,
				ProducerID:        term.ProducerID,
				ProducerEpoch:     term.Epoch,
				TransactionResult: commit,
			})
			if err != nil {
				return err
			}
			return retry.NoneIsNil(r.Err)
		})
	}
	if err != nil && retry.KindOf(err) == retry.Fenced {
		err = lostError(c.topic, c.partition, term, err)
	}
	return err
}

// ask asks the coordinator until it answers with something final, or ctx ends.
//
// If a transaction is in the way, the coordinator ends it now, or ended it a while ago. A
// coordinator notes the end of a transaction when the markers are written. Its followers get that
// note when its broker serves another request, and no sooner (seen on Kafka 3.5.1 and 4.3.1). On
// quiet brokers that request comes half a second later, or it is this one. In both cases it takes a
// round trip between brokers.
func (c *coordinator) ask(ctx context.Context, question func(*sarama.Broker) error) error {
	defer c.conns.CutWhenDone(ctx)()
	away, busy := retry.Backoff{}, retry.AmidTransactions()
	for {
		b, err := c.connected()
		if err == nil {
			err = access.Explain(question(b), c.writing(access.TransactionalID), c.writing(access.Topic))
		} else {
			err = access.Explain(err, c.writing(access.TransactionalID)) // Describe is enough, and Write includes it
		}
		if err == nil {
			return nil
		}
		if retry.KindOf(err) != retry.Passing {
			c.drop()
			return err
		}
		pause, what := &away, "transaction coordinator does not answer, and is asked again"
		if errors.Is(err, sarama.ErrConcurrentTransactions) {
			pause, what = &busy, "transaction coordinator has yet to end another transaction, and is asked again"
		}
		if pause.Tells() {
			c.logger.Warn(what, "transactionalId", c.transactionalID,
				"for", pause.Lasts().Round(time.Millisecond), "error", err)
		}
		if ctx.Err() == nil && pause == &away {
			c.drop()
			_ = c.client.RefreshTransactionCoordinator(c.transactionalID) // a failure shows at the next attempt
		}
		if stopped := pause.Wait(ctx); stopped != nil {
			c.drop()
			return fmt.Errorf("%w; the transaction coordinator's last answer: %w", stopped, err)
		}
	}
}

// connected returns the connection to the coordinator, opening it if there is none.
func (c *coordinator) connected() (*sarama.Broker, error) {
	if c.broker != nil {
		return c.broker, nil
	}
	known, err := c.client.TransactionCoordinator(c.transactionalID)
	if err != nil {
		return nil, err
	}
	c.broker, err = log.Connect(known.Addr(), &c.config)
	return c.broker, err
}

// drop closes the connection: none is kept from one claim to the next.
func (c *coordinator) drop() {
	if c.broker == nil {
		return
	}
	c.conns.Cut()
	_ = c.broker.Close()
	c.broker = nil
}

// writing is the permission to write to the topic, or with the transactional id.
func (c *coordinator) writing(resource string) access.Need {
	name := c.topic
	if resource == access.TransactionalID {
		name = c.transactionalID
	}
	return access.Need{Operation: access.Write, Resource: resource, Name: name}
}
