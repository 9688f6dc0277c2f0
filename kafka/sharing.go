package kafka

import (
	"fmt"
	"time"
)

// Defaults of [Sharing].
const (
	DefaultOwnersSession   = 10 * time.Second
	DefaultOwnersHeartbeat = 200 * time.Millisecond
)

// Sharing configures how the instances of a service share the partitions: they form a consumer
// group, and each owns, and alone appends to, what the group assigns to it. An instance that is
// closed hands its partitions over within a few heartbeats; those of one that was killed go to the
// others when its session is over. One that hears nothing of the group for the session, or is
// refused, goes on with what it owns until another instance claims that, claims nothing itself, and
// comes back by itself: see [PartitionStatus].Outside. It is switched on by Advertise.
type Sharing struct {
	// Advertise is the address at which callers reach this instance, such as billing-2:3001: what
	// the other instances' *[NotOwnerError] names. It is not interpreted. Required.
	Advertise string

	// Group is the consumer group, the same for all instances. Default:
	// <TransactionalIDPrefix>.owners.
	Group string

	// Session is how long an instance may be silent before the others take over what it owns;
	// brokers allow 6 s to 30 min unless they are configured otherwise. Default:
	// [DefaultOwnersSession].
	Session time.Duration

	// Heartbeat is the time between two signs of life, and so the time it takes to hear of others
	// that come and go. Default: [DefaultOwnersHeartbeat].
	Heartbeat time.Duration
}

func (s Sharing) on() bool { return s.Advertise != "" }

func (s *Sharing) setDefaults(prefix string) {
	set(&s.Group, prefix+".owners")
	set(&s.Session, DefaultOwnersSession)
	set(&s.Heartbeat, DefaultOwnersHeartbeat)
}

func (s Sharing) check() (wrong []error) {
	if s.Session < time.Second {
		wrong = append(wrong, fmt.Errorf("Sharing.Session is %s, expected 1s or more", s.Session))
	}
	if s.Heartbeat < time.Millisecond || s.Heartbeat > s.Session/3 {
		wrong = append(wrong, fmt.Errorf("Sharing.Heartbeat is %s, expected 1ms to a third of Session, %s", s.Heartbeat,
			s.Session/3))
	}
	return wrong
}
