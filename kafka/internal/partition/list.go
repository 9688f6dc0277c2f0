package partition

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
	"github.com/fencelog/fencelog/kafka/internal/owner"
)

// begunAtOnce is how many commits of a list are made before they enter together.
const begunAtOnce = 256

// AppendEach does what Append does for each of the orders, one after the other. But it begins as
// many as have room before the first is answered. It calls told with the answer to each.
func (p *Partition) AppendEach(
	ctx context.Context, orders []owner.Order, told func(i int, r eventstore.Result, err error),
) {
	var l list
	l.told = told
	for i := 0; i < len(orders); {
		if ctx.Err() != nil { // an order that begins now might be stored, and one before it was taken back
			told(i, eventstore.Result{}, &line.WaitingError{Cause: context.Cause(ctx)})
			i++
			continue
		}
		o, err := p.ownerOf(ctx, orders[i].Tips)
		if err != nil {
			told(i, eventstore.Result{}, err)
			i++
			continue
		}
		n := 1
		for n < min(begunAtOnce, len(orders)-i) && p.isOwnerOf(o, orders[i+n].Tips) {
			n++
		}
		l.begin(ctx, o, i, orders[i:i+n])
		i += n
	}
	l.finish(ctx)
}

// isOwnerOf reports whether ownerOf would return this owner now.
func (p *Partition) isOwnerOf(o *owner.Owner, tips []*owner.Tip) bool {
	for _, t := range tips {
		if t != nil {
			return t.Owner() == o
		}
	}
	return p.now.Load().owner == o
}

// list is the orders that are begun and whose answers nobody was told yet, oldest first. It holds
// none longer than that, so a long list takes little more memory than what waits.
type list struct {
	begun  []owner.Begun
	places []int // of them, among all orders
	told   func(i int, r eventstore.Result, err error)
}

// begin gives orders to an owner, the first of which has the place given. It tells the answers that
// have come since.
func (l *list) begin(ctx context.Context, o *owner.Owner, place int, orders []owner.Order) {
	l.begun = o.Begin(ctx, l.begun, orders)
	for i := range orders {
		l.places = append(l.places, place+i)
	}
	n := 0
	for n < len(l.begun) && l.begun[n].Answered() {
		l.tell(ctx, n)
		n++
	}
	clear(l.begun[:n])
	l.begun, l.places = l.begun[n:], l.places[n:]
}

// finish awaits and tells all answers. If ctx ends, it takes back at once what still waits.
func (l *list) finish(ctx context.Context) {
	left := false
	for i := range l.begun {
		if !left && !l.begun[i].Wait(ctx) {
			owner.Leave(ctx, l.begun[i:])
			left = true
		}
		l.tell(ctx, i)
	}
}

func (l *list) tell(ctx context.Context, i int) {
	r, err := l.begun[i].Await(ctx)
	l.told(l.places[i], r, err)
}
