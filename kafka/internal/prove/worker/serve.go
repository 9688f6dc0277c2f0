package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/hooks"
	"github.com/fencelog/fencelog/kafka/internal/prove/history"
)

// Serve does what it reads from in, and answers on out, until in ends. The store's log goes to logger.
func Serve(ctx context.Context, in io.Reader, out io.Writer, logger *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{ctx: ctx, out: json.NewEncoder(out), logger: logger, store: -1}
	var group sync.WaitGroup
	defer group.Wait()
	lines := json.NewDecoder(bufio.NewReader(in))
	for {
		var r Request
		if err := lines.Decode(&r); err != nil {
			cancel()
			group.Wait()
			s.close()
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("worker: read a request: %w", err)
		}
		group.Go(func() { s.answer(s.do(&r)) })
	}
}

type server struct {
	ctx    context.Context // the process's life, for the calls it serves
	logger *slog.Logger

	writing sync.Mutex
	out     *json.Encoder

	opening sync.Mutex // one at a time opens or closes
	mu      sync.Mutex
	store   int // number of the opening; -1 if there is none
	open    *kafka.Store
}

func (s *server) answer(a Answer) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.out.Encode(a) // nobody is left to be told of a failure
}

func (s *server) do(r *Request) Answer {
	ctx, cancel := context.WithTimeout(s.ctx, r.Timeout)
	defer cancel()
	a := Answer{ID: r.ID}
	switch r.Order {
	case Open:
		if err := s.reopen(ctx, r); err != nil {
			a.Err, a.Alarm = err.Error(), alarming(err)
		}
	case Close:
		a.Skipped = s.close()
	case Append:
		a.Op = r.Op
		a.Alarm = s.append(ctx, r.Store, a.Op)
	case Read:
		a.Op = r.Op
		a.Alarm = s.read(ctx, r.Store, a.Op)
	default:
		a.Err = fmt.Sprintf("unknown order %q", r.Order)
	}
	return a
}

func (s *server) reopen(ctx context.Context, r *Request) error {
	s.close()
	s.opening.Lock()
	defer s.opening.Unlock()
	store, err := kafka.Open(hooks.With(ctx, r.Open.Broken), r.Open.config(s.logger))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store, s.open = r.Store, store
	return nil
}

func (c *Settings) config(logger *slog.Logger) kafka.Config {
	return kafka.Config{
		Brokers:        c.Brokers,
		TopicPrefix:    c.TopicPrefix,
		Categories:     []kafka.Category{{Type: AggregateType, Partitions: c.Partitions}},
		RequestTimeout: c.RequestTimeout,
		IndexDir:       c.IndexDir,
		Logger:         logger,
	}
}

// close closes the store, if there is one, and returns how many records it had skipped.
func (s *server) close() int64 {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	store := s.open
	s.open, s.store = nil, -1
	s.mu.Unlock()
	if store == nil {
		return 0
	}
	_ = store.Close()
	return store.Skipped()
}

func (s *server) storeOf(n int) *kafka.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store != n {
		return nil
	}
	return s.open
}

func (s *server) append(ctx context.Context, n int, op *history.Op) (alarm string) {
	store := s.storeOf(n)
	if store == nil {
		op.Outcome, op.Err = history.NotAppended, "closed"
		return ""
	}
	records := make([]eventstore.Record, op.Events)
	for i := range records {
		records[i] = eventstore.Record{
			Header: event.Header{
				ID: op.EventID(i), Type: "Proved", Revision: 1, CommandID: op.Command, Timestamp: clock.Now(),
			},
			Value: []byte(op.EventID(i)),
		}
	}
	r, err := store.Append(ctx, eventstore.Stream{Type: AggregateType, ID: op.Stream}, eventstore.Expected(op.Expected), records...)
	var conflict *eventstore.ConflictError
	switch {
	case err == nil:
		op.Outcome, op.First, op.Last, op.Repeated = history.Appended, r.First, r.Last, r.Repeated
		op.Partition, op.Offset = r.Position.Partition, r.Position.Offset
		return ""
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		op.Outcome = history.Unknown
	case errors.As(err, &conflict):
		op.Outcome, op.Actual = history.Conflict, conflict.Actual
		return ""
	default:
		op.Outcome = history.NotAppended
	}
	op.Err = reason(err)
	return alarming(err)
}

func (s *server) read(ctx context.Context, n int, op *history.Op) (alarm string) {
	op.Outcome = history.Failed
	store := s.storeOf(n)
	if store == nil {
		op.Err = "closed"
		return ""
	}
	var seen []string
	for r, err := range store.ReadStream(ctx, eventstore.Stream{Type: AggregateType, ID: op.Stream}, 1) {
		if err != nil {
			op.Err = reason(err)
			return alarming(err)
		}
		if r.AggregateVersion != int64(len(seen)+1) {
			return fmt.Sprintf("ReadStream of %s yields version %d after %d", op.Stream, r.AggregateVersion, len(seen))
		}
		seen = append(seen, r.ID)
	}
	op.Outcome, op.Seen = history.Answered, seen
	return ""
}

// reason sorts errors for the report.
func reason(err error) string {
	switch {
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return "outcome unknown"
	case errors.Is(err, eventstore.ErrNotOwner):
		return "not owner"
	case errors.Is(err, eventstore.ErrClosed):
		return "closed"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "out of time"
	default:
		return err.Error()
	}
}

// alarming returns the error if a sound store over a topic that nobody else writes to never returns it.
func alarming(err error) string {
	var corrupt *kafka.CorruptError
	var refused *kafka.RefusedError
	switch {
	case errors.As(err, &corrupt), errors.As(err, &refused), errors.Is(err, eventstore.ErrInvalid):
		return err.Error()
	default:
		return ""
	}
}
