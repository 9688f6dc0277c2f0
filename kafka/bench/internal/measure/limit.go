package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// prebuiltBatches is how many batches the limit has ready for each partition. It sends them again
// and again.
const prebuiltBatches = 16

// limit writes prebuilt batches through Sarama's raw requests. As an owner does, it has one
// goroutine, one connection and one batch in flight for each partition. The batches are idempotent,
// with acks=all. It checks nothing and answers nobody.
type limit struct {
	link  *cluster
	topic string
	parts []*limitPartition

	// encoded leaves the encoding and the compression out of the measurement. Then the limit sends
	// the same bytes again.
	encoded bool
}

type limitPartition struct {
	broker   *sarama.Broker
	term     index.Term
	sequence int32
	number   int32
	topic    string
	ready    []*sarama.RecordBatch
}

func newLimit(ctx context.Context, link *cluster, topic string, encoded bool) (*limit, error) {
	l := &limit{link: link, topic: topic, encoded: encoded}
	all, err := link.Partitions(topic)
	if err != nil {
		return nil, err
	}
	for _, number := range all {
		p := &limitPartition{number: number, topic: topic}
		l.parts = append(l.parts, p)
		if p.broker, err = link.dial(topic, number); err != nil {
			return nil, errors.Join(err, l.close())
		}
		if p.term, err = newProducer(ctx, p.broker); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	return l, nil
}

// newProducer gets a producer id from the broker. A broker that has just started has none yet.
func newProducer(ctx context.Context, b *sarama.Broker) (index.Term, error) {
	return initProducer(ctx, b, "a producer id",
		&sarama.InitProducerIDRequest{Version: 4, ProducerID: -1, ProducerEpoch: -1})
}

func (l *limit) close() error {
	var errs []error
	for _, p := range l.parts {
		if p.broker != nil {
			errs = append(errs, p.broker.Close())
		}
	}
	return errors.Join(errs...)
}

// prepare builds batches of n commits.
func (l *limit) prepare(n int, commit func() []eventstore.Record) {
	for _, p := range l.parts {
		p.ready = p.ready[:0]
		for range prebuiltBatches {
			var records []eventstore.Record
			for range n {
				records = append(records, commit()...)
			}
			p.ready = append(p.ready, wire.NewBatch(p.term, 0, records))
		}
	}
}

// turn sends batches for the time given and returns how many events were acknowledged.
func (l *limit) turn(ctx context.Context, d time.Duration) (int64, error) {
	counts := make([]int64, len(l.parts))
	passed := stopwatch()
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range l.parts {
		group.Go(func() error {
			for k := 0; passed() < d && ctx.Err() == nil; k++ {
				n, err := p.send(p.ready[k%len(p.ready)], l.encoded)
				if err != nil {
					return err
				}
				counts[i] += int64(n)
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

// one sends the i-th batch: the partitions take turns.
func (l *limit) one(_ context.Context, i int) error {
	p := l.parts[i%len(l.parts)]
	_, err := p.send(p.ready[i%len(p.ready)], false)
	return err
}

// send produces the batch under the next sequence number and waits for the acknowledgement.
func (p *limitPartition) send(b *sarama.RecordBatch, encoded bool) (int, error) {
	if !encoded {
		b = unencoded(b)
	}
	b.FirstSequence = p.sequence
	const timeoutMs = 10_000
	r := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: timeoutMs}
	r.AddBatch(p.topic, p.number, b)
	response, err := p.broker.Produce(r)
	if err != nil {
		return 0, err
	}
	block := response.GetBlock(p.topic, p.number)
	if block == nil {
		return 0, fmt.Errorf("produce to %s: the answer does not name the partition", p.broker.Addr())
	}
	if block.Err != sarama.ErrNoError {
		return 0, block.Err
	}
	p.sequence = wire.NextSequence(p.sequence, len(b.Records))
	return len(b.Records), nil
}

// unencoded returns the batch without the encoded bytes that Sarama keeps in it.
func unencoded(b *sarama.RecordBatch) *sarama.RecordBatch {
	return &sarama.RecordBatch{
		Version: b.Version, Codec: b.Codec, CompressionLevel: b.CompressionLevel, LastOffsetDelta: b.LastOffsetDelta,
		FirstTimestamp: b.FirstTimestamp, MaxTimestamp: b.MaxTimestamp,
		ProducerID: b.ProducerID, ProducerEpoch: b.ProducerEpoch, Records: b.Records,
	}
}
