package owner

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// proofs says when an answer that appends nothing may be told. Such an answer is a refusal, or that
// there is nothing to do.
//
// The answer rests on what the owner knew when it was asked. Another process may have overtaken the
// owner by then, and the owner may not have noticed. So the owner tells the answer only after the
// brokers have stored something of its term that was sent after the question.
//
//	P1  Batches and barriers are numbered in the order in which their first requests are sent.
//	P2  A question is answered by a number that is given out after it was asked. A batch or barrier
//	    that was under way then proves nothing: it may have been stored long ago, and another
//	    process may have claimed since.
//	P3  A number counts once the batch, or the barrier's marker, was found in the log behind what
//	    the owner knew, and before any marker of another term.
//	P4  A question that is asked under one term is never answered under another: between two terms
//	    another process may have written.
//
// So when a question is answered, this process was the only writer of the partition at some moment
// after the question. At that moment it had read everything that the partition held.
type proofs struct {
	mu      sync.Mutex
	term    uint64        // counts the terms
	begun   uint64        // the number of the last batch or barrier
	stored  uint64        // the greatest number that counts
	asked   uint64        // the greatest number that somebody waits for
	failed  uint64        // the greatest number that cannot be had
	failure error         // why
	over    error         // why there are no proofs any more
	changed chan struct{} // closed at the next change; nil if nobody waits
}

// question is when something was asked.
type question struct{ term, number uint64 }

// later returns the later one of two questions.
func (q question) later(other question) question {
	if other.term > q.term || other.term == q.term && other.number > q.number {
		return other
	}
	return q
}

// ask notes that something is asked now. If underWay is true, a batch or barrier that is under way
// may answer the question. Only the proof sets it, to see that P2 matters.
func (p *proofs) ask(underWay bool) question {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := question{p.term, p.begun + 1}
	if underWay && p.stored < p.begun {
		q.number = p.begun
	}
	return q
}

// errAnotherTerm says that the question must be asked again (P4).
var errAnotherTerm = errors.New("the partition was claimed again since this was asked")

// renewed reports whether the owner has gone on under another term since the question was asked.
func (p *proofs) renewed(q question) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return q.term != p.term
}

// await waits until the question may be answered. It calls want when a barrier may be needed for
// that. It fails
//   - with errAnotherTerm if the owner goes on under another term;
//   - with an *[UnprovenError] if ctx ends before, or if the coordinator refuses the barrier;
//   - with the reason if the owner ends.
func (p *proofs) await(ctx context.Context, q question, want func()) error {
	for {
		answered, changed, err := p.look(q)
		if answered || err != nil {
			return err
		}
		want()
		select {
		case <-changed:
		case <-ctx.Done():
			return &UnprovenError{context.Cause(ctx)}
		}
	}
}

// look reports whether the question may be answered. If not, it returns a channel that is closed
// when that may have changed.
func (p *proofs) look(q question) (answered bool, changed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over != nil:
		return false, nil, p.over
	case q.term != p.term:
		return false, nil, errAnotherTerm
	case p.stored >= q.number:
		return true, nil, nil
	case p.failed >= q.number:
		return false, nil, &UnprovenError{p.failure}
	}
	p.asked = max(p.asked, q.number)
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return false, p.changed, nil
}

// wanted reports whether somebody waits for a number that no batch or barrier will reach. It is
// called while nothing is under way. The number was not given out yet. Or it was, and its batch or
// barrier has proved nothing, such as a batch that the broker refused.
func (p *proofs) wanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked > max(p.stored, p.failed)
}

// begin gives out the next number. It is called before the first request of a batch or a barrier is
// sent.
func (p *proofs) begin() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun++
	return p.begun
}

// count notes that the batch or barrier with the number counts.
func (p *proofs) count(number uint64) {
	p.change(func() { p.stored = max(p.stored, number) })
}

// fail notes that the batch or barrier with the number will prove nothing, and neither will those
// before it.
func (p *proofs) fail(number uint64, because error) {
	p.change(func() { p.failed, p.failure = max(p.failed, number), because })
}

// renew notes that the owner goes on under another term. Nobody waits for the former one any more
// (P4).
func (p *proofs) renew() { p.change(func() { p.term, p.asked = p.term+1, 0 }) }

// end notes that the owner has ended.
func (p *proofs) end(because error) { p.change(func() { p.over = because }) }

func (p *proofs) change(how func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how()
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// UnprovenError says that an answer that appends nothing cannot be told. The owner could not show
// that it still owned the partition when it was asked.
type UnprovenError struct{ Cause error }

// Error says why the owner has no answer.
func (e *UnprovenError) Error() string {
	return fmt.Sprintf("no answer: the brokers did not confirm in time that this process still owns the partition; "+
		"ask again: %v", e.Cause)
}

// Unwrap returns the cause.
func (e *UnprovenError) Unwrap() error { return e.Cause }

// Unavailable reports true. Nothing is wrong with the question, and the caller may ask again and
// again.
func (e *UnprovenError) Unavailable() bool { return true }
