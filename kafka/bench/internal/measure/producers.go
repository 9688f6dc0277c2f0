package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// asyncProducer is Sarama's AsyncProducer, idempotent and without linger. It has goroutines that
// wait for the acknowledgements.
type asyncProducer struct {
	topic string
	p     sarama.AsyncProducer
	done  sync.WaitGroup
}

// delivery brings a message's outcome to its sender.
type delivery chan error

func idempotent() *sarama.Config {
	s := base()
	s.Producer.RequiredAcks = sarama.WaitForAll
	s.Producer.Idempotent = true
	s.Producer.Compression = sarama.CompressionLZ4
	s.Producer.Partitioner = sarama.NewMurmur2Partitioner
	s.Producer.Return.Successes = true
	s.Net.MaxOpenRequests = 1 // what Sarama asks of an idempotent producer
	return s
}

func newAsyncProducer(brokers []string, topic string, conf *sarama.Config) (*asyncProducer, error) {
	p, err := sarama.NewAsyncProducer(brokers, conf)
	if err != nil {
		return nil, err
	}
	a := &asyncProducer{topic: topic, p: p}
	a.done.Go(func() {
		for m := range p.Successes() {
			m.Metadata.(delivery) <- nil
		}
	})
	a.done.Go(func() {
		for e := range p.Errors() {
			e.Msg.Metadata.(delivery) <- e.Err
		}
	})
	return a, nil
}

// append sends an event and waits for its acknowledgement. No other caller uses d.
func (a *asyncProducer) append(ctx context.Context, r *eventstore.Record, d delivery) error {
	select {
	case a.p.Input() <- message(a.topic, r, d):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return <-d // Sarama answers each message
}

// message is the event as a store of this module keeps it on Kafka.
func message(topic string, r *eventstore.Record, d delivery) *sarama.ProducerMessage {
	rec := wire.Encode(r)
	m := &sarama.ProducerMessage{
		Topic: topic, Key: sarama.ByteEncoder(rec.Key), Value: sarama.ByteEncoder(rec.Value), Timestamp: r.Timestamp,
		Metadata: d,
		Headers:  make([]sarama.RecordHeader, len(rec.Headers)),
	}
	for i, h := range rec.Headers {
		m.Headers[i] = *h
	}
	return m
}

func (a *asyncProducer) close() error {
	a.p.AsyncClose()
	a.done.Wait()
	return nil
}

// transactions is a pool of transactional producers. Each serves one commit at a time.
type transactions struct {
	all  []*asyncProducer
	free chan *asyncProducer
}

// producersOfTransactions is how many transactions are open at a time. More of them do not store
// more events.
const producersOfTransactions = 16

func newTransactions(brokers []string, topic string) (*transactions, error) {
	t := &transactions{free: make(chan *asyncProducer, producersOfTransactions)}
	for i := range producersOfTransactions {
		conf := idempotent()
		conf.Producer.Transaction.ID = fmt.Sprintf("%s-%d", topic, i)
		p, err := newAsyncProducer(brokers, topic, conf)
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		t.all = append(t.all, p)
		t.free <- p
	}
	return t, nil
}

// append sends an event in a separate transaction, and waits until that is committed.
func (t *transactions) append(ctx context.Context, r *eventstore.Record, d delivery) error {
	select {
	case p := <-t.free:
		defer func() { t.free <- p }()
		if err := p.p.BeginTxn(); err != nil {
			return err
		}
		if err := p.append(ctx, r, d); err != nil {
			return errors.Join(err, p.p.AbortTxn())
		}
		return p.p.CommitTxn()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *transactions) close() error {
	var errs []error
	for _, p := range t.all {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}
