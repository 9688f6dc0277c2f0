package sharing

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// told is what a member is told, in order.
type told struct{ all []string }

func (l *told) contact() *contact {
	return newContact(&Config{
		Assigned: func(t Table) { l.all = append(l.all, t.Addresses[Partition{}]) },
		Outside:  func(err error) { l.all = append(l.all, err.Error()) },
	})
}

func sharedWith(address string) Table { return Table{Addresses: map[Partition]string{{}: address}} }

// If a session passes without an answer, the member is out, and is told so once. If a heartbeat is
// answered later, the last sharing holds again. A join brings a new one.
func TestOutsideAfterASessionOfSilence(t *testing.T) {
	var l told
	c := l.contact() // with a session of no time
	c.joined(sharedWith("a"))
	c.failed(errors.New("no connection"))
	c.check()
	c.check()
	require.Len(t, l.all, 2)
	require.Contains(t, l.all[1], "has not answered for the session, 0s: no connection")
	c.confirmed()
	c.confirmed()
	require.Equal(t, "a", l.all[2], "it was still a member")
	c.check()
	c.joined(sharedWith("b"))
	require.Len(t, l.all, 5)
	require.Equal(t, "b", l.all[4])
}

func TestOutsideWhenRefused(t *testing.T) {
	var l told
	c := l.contact()
	c.session = 1 << 62
	c.joined(sharedWith("a"))
	c.check()
	c.refused(errors.New("group is full"))
	c.refused(errors.New("group is full"))
	require.Equal(t, []string{"a", "group is full"}, l.all)
}
