package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/wake"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
	"github.com/fencelog/fencelog/kafka/internal/delivery"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// letters is what one subscription knows of the dead-letter topic: it reads all of it and goes on reading. What is kept in memory is which
// events are set aside, and which were and are done with; the events stay in the topic.
type letters struct {
	handler, topic string // whose letters, and of which topic
	log            partition.Log
	client         *client.Client // for reading: its requests wait at the end of the topic
	writer         *letterWriter

	mu      sync.Mutex
	next    int64 // all before is known
	parked  map[int32]*deadletter.Parked
	runners map[int32]*attached
	moved   wake.Bell // rung after next has moved
}

// attached is a runner that is told what is written of its partition.
type attached struct {
	ctx    context.Context //nolint:containedctx // bounds what is told to the runner
	runner *delivery.Runner
}

func openLetters(ctx context.Context, cfg Config, handler, topic string) (*letters, error) {
	client, err := client.Connect(ctx, cfg.Connection, cfg.Topics.Names())
	if err != nil {
		return nil, err
	}
	return &letters{
		handler: handler, topic: topic, client: client,
		log:     partition.Log{Client: client, Pool: client.Reading, Topic: cfg.Topics.DeadLetters()},
		writer:  &letterWriter{cfg: cfg},
		parked:  make(map[int32]*deadletter.Parked),
		runners: make(map[int32]*attached),
	}, nil
}

func (l *letters) close() {
	l.writer.close()
	l.client.Disconnect()
}

// run reads the topic until ctx ends.
func (l *letters) run(ctx context.Context, logger *slog.Logger) {
	defer l.client.Conns.CutWhenDone(ctx)()
	next := int64(0)
	for ctx.Err() == nil {
		records, after, err := l.log.Read(ctx, next)
		if err != nil {
			if ctx.Err() == nil {
				logger.Error("dead letters cannot be read", "topic", l.log.Topic, "offset", next, "error", err)
				_ = clock.Wait(ctx, longRejoin) // its end shows in the loop's condition
			}
			continue
		}
		for _, r := range records {
			e, err := deadletter.Decode(r.Record)
			if err != nil {
				logger.Warn("no dead letter, and passed over", "topic", l.log.Topic, "offset", r.Offset, "error", err)
				continue
			}
			e.Position = r.Offset
			l.learn(e)
		}
		next = after
		l.mu.Lock()
		l.next = next
		l.mu.Unlock()
		l.moved.Ring()
	}
}

// learn takes note of an entry, and tells the runner of its partition: also of what the runner itself wrote, for
// somebody may have read that, and asked for more, before its acknowledgement came.
func (l *letters) learn(e deadletter.Entry) {
	if e.Handler != l.handler || e.Topic != l.topic {
		return
	}
	e.Value, e.Headers = nil, nil // they stay in the topic
	l.mu.Lock()
	l.of(e.Partition).Apply(&e)
	a := l.runners[e.Partition]
	l.mu.Unlock()
	if a != nil {
		a.runner.Order(a.ctx, e)
	}
}

// of returns what is set aside of a partition. The mutex is held.
func (l *letters) of(n int32) *deadletter.Parked {
	p := l.parked[n]
	if p == nil {
		p = deadletter.NewParked()
		l.parked[n] = p
	}
	return p
}

// attached runs a runner that knows all that the topic says of its partition, and is told what comes to be said. runner makes it, of what
// is set aside now.
func (l *letters) attached(ctx context.Context, n int32, runner func(*deadletter.Parked) *delivery.Runner) error {
	if err := l.current(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &attached{ctx: ctx}
	l.mu.Lock()
	a.runner = runner(l.of(n).Clone())
	l.runners[n] = a
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.runners[n] == a {
			delete(l.runners, n)
		}
	}()
	return a.runner.Run(ctx)
}

// errLettersDeleted says that nobody knows any more what was set aside.
var errLettersDeleted = errors.New("dead letters were deleted")

// running returns the runners by partition.
func (l *letters) running() map[int32]*delivery.Runner {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[int32]*delivery.Runner, len(l.runners))
	for n, a := range l.runners {
		all[n] = a.runner
	}
	return all
}

// current waits until all is known that the topic holds when it is called.
func (l *letters) current(ctx context.Context) error {
	woken := make(chan struct{}, 1)
	defer l.moved.Listen(woken)()
	begin, end, err := l.log.Ends(ctx)
	if err == nil && begin > 0 {
		err = &partition.CorruptError{
			Topic: l.log.Topic, Cause: errLettersDeleted, Found: fmt.Sprintf("the topic begins at offset %d, expected 0: dead letters were deleted; restore it, and set "+
				"retention.ms and retention.bytes to -1", begin),
		}
	}
	for err == nil {
		l.mu.Lock()
		next := l.next
		l.mu.Unlock()
		if next >= end {
			return nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	return err
}

// read returns the letter at a position, and the event in it.
func (l *letters) read(ctx context.Context, position int64) (deadletter.Entry, eventstore.Record, error) {
	e, err := readLetter(ctx, &l.log, position)
	if err != nil {
		return e, eventstore.Record{}, err
	}
	r, err := wire.Decode(&sarama.Record{Key: e.Key, Value: e.Value, Headers: e.Headers})
	r.Position = event.Position{Partition: e.Partition, Offset: e.Offset}
	return e, r, err
}

// readLetter returns the entry at a position.
func readLetter(ctx context.Context, log *partition.Log, position int64) (deadletter.Entry, error) {
	records, err := log.At(ctx, position)
	if err != nil {
		return deadletter.Entry{}, err
	}
	for _, r := range records {
		if r.Offset == position {
			e, err := deadletter.Decode(r.Record)
			e.Position = position
			return e, err
		}
	}
	return deadletter.Entry{}, fmt.Errorf("%s has no dead letter at offset %d", log.Topic, position)
}

// letterWriter writes to the dead-letter topic. It connects with the first letter.
type letterWriter struct {
	cfg Config

	mu       sync.Mutex
	client   *client.Client
	producer sarama.SyncProducer
}

// The pause between two attempts to write a letter.
const (
	firstRewrite = 100 * time.Millisecond
	longRewrite  = 5 * time.Second
)

// write writes the entry and sets its position. It tries again until that is acknowledged or ctx ends: twice is as good
// as once.
func (w *letterWriter) write(ctx context.Context, e *deadletter.Entry) error {
	for pause := firstRewrite; ; pause = min(2*pause, longRewrite) {
		err := w.send(ctx, e)
		if err == nil {
			return nil
		}
		w.cfg.Logger.Warn("dead letter is written again", "topic", w.cfg.Topics.DeadLetters(), "after", pause, "error", err)
		if stopped := clock.Wait(ctx, pause); stopped != nil {
			return fmt.Errorf("%w; the last attempt to write to %s: %w", stopped, w.cfg.Topics.DeadLetters(), err)
		}
	}
}

func (w *letterWriter) send(ctx context.Context, e *deadletter.Entry) error {
	producer, err := w.connected(ctx)
	if err != nil {
		return err
	}
	message := e.Message(w.cfg.Topics.DeadLetters())
	position, err := dial.Promptly(ctx, func() (int64, error) {
		_, offset, err := producer.SendMessage(message)
		return offset, err
	})
	if err == nil {
		e.Position = position
	}
	return err
}

func (w *letterWriter) connected(ctx context.Context) (sarama.SyncProducer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		return w.producer, nil
	}
	s := client.Sarama(w.cfg.Connection)
	s.Producer.RequiredAcks = sarama.WaitForAll
	s.Producer.Idempotent = true
	s.Net.MaxOpenRequests = 1 // so idempotence demands
	s.Producer.Return.Successes = true
	s.Producer.Timeout = w.cfg.Connection.RequestTimeout
	client, err := client.ConnectWith(ctx, w.cfg.Connection, w.cfg.Topics.Names(), s)
	if err != nil {
		return nil, err
	}
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		client.Disconnect()
		return nil, err
	}
	w.client, w.producer = client, producer
	return producer, nil
}

func (w *letterWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		_ = w.producer.Close() // all it was given is answered
		w.client.Disconnect()
		w.producer = nil
	}
}
