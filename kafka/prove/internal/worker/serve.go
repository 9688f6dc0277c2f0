package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Serve carries out the requests that it reads from in, and answers on out, until in ends. The
// store logs to logger.
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

	opening sync.Mutex // one request at a time opens or closes
	mu      sync.Mutex
	store   int // number of the opening; -1 if there is none
	open    *kafka.Store

	registers reads[seenIDs]
	banks     reads[bank.Seen]
	lists     lists
}

func (s *server) answer(a Answer) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.out.Encode(a) // if this fails, nobody is left to be told
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
	case Refuse:
		a.Op = r.Op
		a.Alarm = s.refuse(ctx, r.Store, a.Op)
	case Bank:
		a.Bank = r.Bank
		a.Alarm = s.bank(ctx, r.Store, a.Bank)
	default:
		a.Err = fmt.Sprintf("unknown order %q", r.Order)
	}
	return a
}

func (s *server) reopen(ctx context.Context, r *Request) error {
	s.close()
	s.opening.Lock()
	defer s.opening.Unlock()
	store, err := kafka.Open(broken.With(ctx, r.Open.Broken), r.Open.config(s.logger))
	if err != nil {
		return err
	}
	if err := store.Claim(ctx); err != nil {
		return errors.Join(err, store.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store, s.open = r.Store, store
	return nil
}

// Session is the session of processes that share. It is the shortest that brokers allow, so that
// there are many takeovers.
const Session = 6 * time.Second

const heartbeat = 100 * time.Millisecond

func (c *Settings) config(logger *slog.Logger) kafka.Config {
	return kafka.Config{
		Sharing:    kafka.Sharing{Advertise: c.Advertise, Session: Session, Heartbeat: heartbeat},
		Connection: connection.Config{Brokers: c.Brokers, RequestTimeout: c.RequestTimeout},
		Topics: topics.Config{
			Prefix:     c.TopicPrefix,
			Categories: Categories(c.Partitions, c.BankPartitions),
		},
		TransactionalIDPrefix: c.ClaimPrefix,
		ClaimRenewal:          c.ClaimRenewal,
		QuietTime:             c.QuietTime,
		IndexDir:              c.IndexDir,
		Logger:                logger,
	}
}

// Categories returns the categories of the stores. banks is how many partitions the banks have.
func Categories(partitions, banks int32) []topics.Category {
	return []topics.Category{
		{Name: Category, Partitions: partitions},
		{Name: bank.Category, Partitions: banks, PartitionKey: eventstore.BeforeSlash},
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
	r, err := s.appendTo(ctx, store, op, records)
	var conflict *eventstore.ConflictError
	switch {
	case err == nil:
		op.Outcome, op.First, op.Last, op.Repeated = history.Appended, r.First(), r.Last(), r.Repeated
		op.Partition, op.Offset = r.Position.Partition, r.Position.Offset
		if op.Repeated {
			op.Seen = nil // nothing was decided
		}
		return ""
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		op.Outcome = history.Unknown
	case errors.As(err, &conflict):
		op.Outcome, op.Actual = history.Conflict, conflict.Actual
		return ""
	default:
		op.Outcome, op.Seen = history.NotAppended, nil
	}
	op.Err = reason(err)
	return alarming(err)
}

func streamOf(op *history.Op) eventstore.Stream {
	return eventstore.Stream{Category: Category, ID: op.Stream}
}

// appendTo appends as the operation says.
func (s *server) appendTo(
	ctx context.Context, store *kafka.Store, op *history.Op, records []eventstore.Record,
) (r eventstore.Result, err error) {
	if !op.Queued {
		c := eventstore.To(streamOf(op), eventstore.Expected(op.Expected), records...)
		if op.Listed {
			return s.lists.append(ctx, store, c)
		}
		return store.Append(ctx, c)
	}
	err = again(ctx, func() error {
		at, err := s.see(ctx, store, op)
		if err == nil {
			op.Expected = int64(len(op.Seen))
			r, err = store.Append(ctx, at.Commit(records...))
		}
		return err
	})
	return r, err
}

// again calls f until there is no conflict.
func again(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// see reads the stream and what is queued for it. Every other time it reads on from what it has
// seen before.
func (s *server) see(ctx context.Context, store *kafka.Store, op *history.Op) (eventstore.Expectation, error) {
	stream := streamOf(op)
	before, after := s.registers.begin(store, stream)
	all, at := store.ReadQueued(ctx, after)
	if after.Tip != nil && moved(all) {
		s.registers.drop(stream)
		before, after = seenIDs{}, stream.At(0)
		all, at = store.ReadQueued(ctx, after)
	}
	more, err := seeAll(all, op.Stream, len(before.ids))
	seen := before.and(more)
	op.Seen, op.Unstored = seen.ids, seen.unstored
	if err == nil {
		s.registers.end(store, seenIDs{slices.Clip(seen.ids), seen.unstored}, at, after.Tip != nil)
	}
	return at, err
}

// seeAll returns the ids of the records, which follow so many others, and how many are not stored.
func seeAll(records iter.Seq2[eventstore.Record, error], stream string, before int) (seen seenIDs, err error) {
	for r, err := range records {
		if err != nil {
			return seenIDs{}, err
		}
		if follows := before + len(seen.ids); r.AggregateVersion != int64(follows+1) {
			return seenIDs{}, fmt.Errorf("%w: version %d of %s follows %d events", errWrongRead, r.AggregateVersion,
				stream, follows)
		}
		if r.Position.Offset == 0 { // that place has a marker, never an event
			seen.unstored++
		}
		seen.ids = append(seen.ids, r.ID)
	}
	return seen, nil
}

var errWrongRead = errors.New("a read yields what no sound store yields")

func (s *server) read(ctx context.Context, n int, op *history.Op) (alarm string) {
	op.Outcome = history.Failed
	store := s.storeOf(n)
	if store == nil {
		op.Err = "closed"
		return ""
	}
	seen, err := seeAll(store.ReadStream(ctx, streamOf(op), 1), op.Stream, 0)
	op.Seen = seen.ids
	return answered(op, err)
}

// refuse does the same as a command that is refused or has nothing to do. It decides on the stored
// and the queued events, and waits until the answer may be told.
func (s *server) refuse(ctx context.Context, n int, op *history.Op) (alarm string) {
	op.Outcome = history.Failed
	store := s.storeOf(n)
	if store == nil {
		op.Err = "closed"
		return ""
	}
	err := again(ctx, func() error {
		at, err := s.see(ctx, store, op)
		if err == nil {
			_, err = store.Append(ctx, at.Commit())
		}
		return err
	})
	return answered(op, err)
}

// answered notes the end of an operation that appends nothing.
func answered(op *history.Op, err error) (alarm string) {
	if err != nil {
		op.Seen, op.Err = nil, reason(err)
		return alarming(err)
	}
	op.Outcome = history.Answered
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

// alarming returns the error's text if a sound store never returns such an error over a topic that
// nobody else writes to. Otherwise it returns "".
func alarming(err error) string {
	var corrupt *kafka.CorruptError
	var refused *kafka.RefusedError
	switch {
	case errors.Is(err, errWrongRead), errors.As(err, &corrupt), errors.As(err, &refused),
		errors.Is(err, eventstore.ErrInvalid):
		return err.Error()
	default:
		return ""
	}
}
