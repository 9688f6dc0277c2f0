package log

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// readingAtOnce bounds a pool's connections to one broker. A reader that finds none free waits, as
// a fetch of stored records takes milliseconds.
const readingAtOnce = 4

// Pool is the connections of a client on which its readers fetch. Nothing else uses them: a fetch
// that waits holds its connection, and the end of a reader's context cuts it. It may be used by any
// number of goroutines.
type Pool struct {
	client sarama.Client

	mu      sync.Mutex
	closed  bool
	brokers map[string]*pooledBroker // by address
	open    map[*pooled]struct{}
}

// pooledBroker is a pool's connections to one broker.
type pooledBroker struct {
	places chan struct{} // one for each connection in use
	idle   []*pooled     // the one used last comes last; guarded by the pool's mutex
}

// pooled is one connection. One reader at a time takes it and uses it.
type pooled struct {
	*dial.Broker
	config sarama.Config
	conns  *dial.Conns
}

// NewPool returns a pool without a connection.
func NewPool(client sarama.Client) *Pool {
	return &Pool{client: client, brokers: make(map[string]*pooledBroker), open: make(map[*pooled]struct{})}
}

// Close closes all connections, and lets no other be opened. It may be called more than once.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	open := p.open
	idle := p.brokers
	p.open, p.brokers = make(map[*pooled]struct{}), make(map[string]*pooledBroker)
	p.mu.Unlock()
	for c := range open {
		c.conns.Close()
	}
	for _, b := range idle {
		for _, c := range b.idle {
			_ = c.Close()
		}
	}
}

// fetch asks the leader of the partition. It fails with a *RangeError if the leader in office says
// that the offset is not in the log.
func (p *Pool) fetch(ctx context.Context, ask Request) (*Fetched, error) {
	leader, epoch, err := p.client.LeaderAndEpoch(ask.Topic, ask.Partition)
	if err != nil {
		return nil, err
	}
	broker, err := p.broker(leader.Addr())
	if err != nil {
		return nil, err
	}
	select {
	case broker.places <- struct{}{}:
		defer func() { <-broker.places }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		c, used := p.idle(broker)
		found, err := p.fetchOn(ctx, broker, c, leader.Addr(), epoch, ask)
		// A broker may have closed a connection that was idle for long. Then fetch tries the next
		// idle one, and at last a new one.
		if err == nil || !used || ctx.Err() != nil || answered(err) {
			return found, err
		}
	}
}

// answered reports whether the error is a broker's answer.
func answered(err error) bool {
	var code sarama.KError
	return errors.As(err, &code)
}

func (p *Pool) broker(addr string) (*pooledBroker, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, eventstore.ErrClosed
	}
	b := p.brokers[addr]
	if b == nil {
		b = &pooledBroker{places: make(chan struct{}, readingAtOnce)}
		p.brokers[addr] = b
	}
	return b, nil
}

// idle takes an idle connection, and reports whether there was one; otherwise it returns one that
// is not open yet.
func (p *Pool) idle(b *pooledBroker) (c *pooled, used bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(b.idle); n > 0 {
		c, b.idle = b.idle[n-1], b.idle[:n-1]
		return c, true
	}
	c = &pooled{config: *p.client.Config()}
	c.conns = dial.Use(&c.config)
	return c, false
}

// fetchOn fetches on the connection to the leader of the epoch, and keeps or closes it.
func (p *Pool) fetchOn(
	ctx context.Context, b *pooledBroker, c *pooled, addr string, epoch int32, ask Request,
) (*Fetched, error) {
	defer p.keep(b, c)
	defer c.conns.CutWhenDone(ctx)()
	if c.Broker == nil {
		if !p.register(c) {
			return nil, eventstore.ErrClosed
		}
		var err error
		if c.Broker, err = c.conns.Open(addr, &c.config); err != nil {
			return nil, err
		}
	}
	found, err := Fetch(c.Broker, ask, nil)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		err = rangeOf(c.Broker, ask.Topic, ask.Partition, epoch, ask.Offset)
	}
	return found, err
}

// register makes Close close the connection.
func (p *Pool) register(c *pooled) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = struct{}{}
	return !p.closed
}

// keep keeps the connection for the next fetch, or closes it.
func (p *Pool) keep(b *pooledBroker, c *pooled) {
	p.mu.Lock()
	keeps := !p.closed && c.Broker != nil && !c.Broken()
	if keeps {
		b.idle = append(b.idle, c)
	} else {
		delete(p.open, c)
	}
	p.mu.Unlock()
	if !keeps {
		c.conns.Cut()
		if c.Broker != nil {
			_ = c.Close()
		}
	}
}

// batches returns some batches from the one with the asked offset on, which check must accept. If a
// broker is away, or if check fails with an error that may pass, it asks again until ctx ends. It
// fails
//   - with a *RangeError if the offset is not in the log and stays so;
//   - with the error of check if that is final, such as that of [Request.withoutHoles];
//   - with a *CorruptError if fetches in a row bring bytes that are no batches.
func (p *Pool) batches(
	ctx context.Context, ask Request, check func([]recordbatch.Batch) error,
) ([]recordbatch.Batch, error) {
	garbled := 0
	return patiently(ctx, p.client, ask.Topic, func() ([]recordbatch.Batch, error) {
		found, err := p.fetch(ctx, ask)
		if err != nil {
			return nil, err
		}
		batches, err := found.From(ask.Offset)
		var malformed *recordbatch.MalformedError
		if errors.As(err, &malformed) {
			if garbled++; garbled >= GarbledFetches || errors.Is(err, recordbatch.ErrOldFormat) {
				err = &CorruptError{
					Topic: ask.Topic, Partition: ask.Partition, Offset: malformed.Offset,
					Found: fmt.Sprintf(
						"no record batch: %v: %s", malformed.Err, malformed.Found),
				}
			}
			return nil, err
		}
		return batches, check(batches)
	})
}

// withoutHoles makes sure that the first batch has the asked offset, and that each other one
// follows the one before it. It fails with a *CorruptError.
func (f *Request) withoutHoles(batches []recordbatch.Batch) error {
	for i := range batches {
		next := min(batches[i].FirstOffset, f.Offset) // the first one may begin before the offset
		if i > 0 {
			next = batches[i-1].LastOffset() + 1
		}
		if err := Continues(&batches[i], next, f.Topic, f.Partition); err != nil {
			return err
		}
	}
	return nil
}
