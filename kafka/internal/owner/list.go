package owner

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// Order is one commit of a list, which was checked and has records.
type Order struct {
	Commit *eventstore.Commit
	Tips   []*Tip // of its expectations; nil for those that have none
}

// Begun is an order that was given to an owner, and is to be awaited.
type Begun struct {
	owner  *Owner
	commit *line.Commit
	err    error // why it has not become a commit
}

// Begin gives orders to the owner, in their order, and appends them to begun. It waits for room. It
// does not wait for answers: each order must be awaited. If ctx ends while one waits for room, the
// orders behind it are not appended either.
func (o *Owner) Begin(ctx context.Context, begun []Begun, orders []Order) []Begun {
	commits := make([]*line.Commit, 0, len(orders))
	var room [1]line.Tip
	for _, order := range orders {
		at, err := o.lineTips(room[:0], order.Tips)
		b := Begun{owner: o, err: err}
		if err == nil {
			b.commit = line.New(*order.Commit, at...)
			commits = append(commits, b.commit)
		}
		begun = append(begun, b)
	}
	o.queue.EnterEach(ctx, commits)
	return begun
}

// Answered reports whether Await returns at once.
func (b *Begun) Answered() bool {
	if b.err != nil {
		return true
	}
	select {
	case <-b.commit.Done():
		return true
	default:
		return false
	}
}

// Wait waits until Await returns at once. It reports false if ctx ends before.
func (b *Begun) Wait(ctx context.Context) bool {
	if b.err != nil {
		return true
	}
	select {
	case <-b.commit.Done():
		return true
	case <-ctx.Done():
		return false
	}
}

// Await returns the answer, as Append does.
func (b *Begun) Await(ctx context.Context) (eventstore.Result, error) {
	if b.err != nil {
		return eventstore.Result{}, b.err
	}
	return b.owner.queue.Await(ctx, b.commit)
}

// Leave takes back those that still wait, because ctx has ended. Owners take orders from the front,
// so those of each owner that are not taken back were given before those that are.
func Leave(ctx context.Context, begun []Begun) {
	var commits []*line.Commit
	for i := range begun {
		b := &begun[i]
		if b.commit != nil {
			commits = append(commits, b.commit)
		}
		if i+1 == len(begun) || begun[i+1].owner != b.owner {
			b.owner.queue.Leave(ctx, commits...)
			commits = commits[:0]
		}
	}
}
