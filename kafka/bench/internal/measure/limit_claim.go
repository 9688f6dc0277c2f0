package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// A limit asks a broker so often, with this pause in between, before it gives up.
const (
	limitTries = 5_000
	limitPause = time.Millisecond
)

// claimLimit sends the requests of a claim, one after the other, on connections that it keeps. It
// does nothing else.
type claimLimit struct {
	link                *cluster
	topic, id           string
	coordinator, leader *sarama.Broker
	next                int64      // offset to read from
	term                index.Term // of the last claim
}

// newClaimLimit makes a first claim, because the brokers have more to do for it than for a later
// one.
func newClaimLimit(ctx context.Context, link *cluster, name string) (*claimLimit, error) {
	l := &claimLimit{link: link, id: name}
	var err error
	if l.topic, err = link.topic(ctx, name, 1); err != nil {
		return nil, err
	}
	if l.leader, err = link.dial(l.topic, 0); err != nil {
		return nil, err
	}
	if err = l.find(); err == nil {
		_, err = l.claim(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// find opens the connection to the coordinator.
func (l *claimLimit) find() error {
	known, err := l.link.TransactionCoordinator(l.id)
	if err != nil {
		return err
	}
	l.coordinator = sarama.NewBroker(known.Addr())
	if err := l.coordinator.Open(l.link.Config()); err != nil {
		return err
	}
	_, err = l.coordinator.Connected()
	return err
}

func (l *claimLimit) close() error {
	var errs []error
	for _, b := range []*sarama.Broker{l.coordinator, l.leader} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}

// claim times a claim.
func (l *claimLimit) claim(ctx context.Context) (time.Duration, error) {
	passed := stopwatch()
	var err error
	if l.term, err = l.init(ctx); err == nil {
		err = l.barrier(ctx)
	}
	for read := false; err == nil && !read; {
		read, err = l.read(l.term)
	}
	return passed(), err
}

// barrier puts an empty transaction over the partition under the term of the last claim. It does
// not wait for the marker.
func (l *claimLimit) barrier(ctx context.Context) error {
	err := l.ask(ctx, func() (sarama.KError, error) { return l.add(l.term) })
	if err == nil {
		err = l.ask(ctx, func() (sarama.KError, error) { return l.end(l.term) })
	}
	return err
}

// ask repeats the question until the coordinator accepts it.
func (l *claimLimit) ask(ctx context.Context, question func() (sarama.KError, error)) error {
	return ask(ctx, "transactional id "+l.id, question)
}

// ask repeats the question about a thing until the broker accepts it.
func ask(ctx context.Context, about string, question func() (sarama.KError, error)) error {
	for tries := 1; ; tries++ {
		code, err := question()
		if err != nil || code == sarama.ErrNoError {
			return err
		}
		if tries == limitTries {
			return fmt.Errorf("%s: after %d tries: %w", about, tries, code)
		}
		if err := clock.Wait(ctx, limitPause); err != nil {
			return err
		}
	}
}

func (l *claimLimit) init(ctx context.Context) (index.Term, error) {
	return initProducer(ctx, l.coordinator, "transactional id "+l.id, &sarama.InitProducerIDRequest{
		Version: 4, TransactionalID: &l.id, TransactionTimeout: time.Minute, ProducerID: -1, ProducerEpoch: -1,
	})
}

// initProducer repeats the request about a thing until the broker accepts it, and returns the term.
func initProducer(
	ctx context.Context, b *sarama.Broker, about string, request *sarama.InitProducerIDRequest,
) (term index.Term, err error) {
	err = ask(ctx, about, func() (sarama.KError, error) {
		r, err := b.InitProducerID(request)
		if err != nil {
			return 0, err
		}
		term = index.Term{ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}
		return r.Err, nil
	})
	return term, err
}

func (l *claimLimit) add(term index.Term) (sarama.KError, error) {
	r, err := l.coordinator.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
		Version: 2, TransactionalID: l.id, ProducerID: term.ProducerID, ProducerEpoch: term.Epoch,
		TopicPartitions: map[string][]int32{l.topic: {0}},
	})
	if err != nil {
		return 0, err
	}
	if found := r.Errors[l.topic]; len(found) == 1 {
		return found[0].Err, nil
	}
	return 0, fmt.Errorf("add partitions to a transaction: the answer does not name %s", l.topic)
}

func (l *claimLimit) end(term index.Term) (sarama.KError, error) {
	r, err := l.coordinator.EndTxn(&sarama.EndTxnRequest{
		Version: 2, TransactionalID: l.id, ProducerID: term.ProducerID, ProducerEpoch: term.Epoch,
		TransactionResult: true,
	})
	if err != nil {
		return 0, err
	}
	return r.Err, nil
}

// read fetches once, and reports whether the term's marker was there.
func (l *claimLimit) read(term index.Term) (found bool, err error) {
	block, err := fetch(l.leader, l.topic, 0, l.next, sampleBytes)
	if err != nil {
		return false, err
	}
	for _, set := range block.RecordsSet {
		if b := set.RecordBatch; b != nil {
			l.next = b.LastOffset() + 1
			found = found || isMarker(b) && term == index.Term{ProducerID: b.ProducerID, Epoch: b.ProducerEpoch}
		}
	}
	return found, nil
}

func isMarker(b *sarama.RecordBatch) bool {
	if !b.Control || len(b.Records) != 1 {
		return false
	}
	marks, _ := wire.Marker([]sarama.Record{*b.Records[0]})
	return marks
}
