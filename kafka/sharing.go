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

// Sharing configures how the instances of a service share the partitions. They form a consumer
// group. Each instance owns what the group assigns to it, and only that instance appends there.
// Advertise switches sharing on.
//
// An instance that is closed hands its partitions over within a few heartbeats. If an instance is
// killed, the others get its partitions when its session is over.
//
// An instance may hear nothing of the group for the session, or the group may refuse it. It then
// keeps what it owns until another instance claims that. It claims nothing itself, and comes back
// by itself: see [PartitionStatus].Outside.
type Sharing struct {
	// Advertise is the address at which callers reach this instance, such as billing-2:3001. The
	// *[NotOwnerError] of other instances names it. The store does not interpret it. Required.
	Advertise string

	// Group is the consumer group. It is the same for all instances. Default:
	// <TransactionalIDPrefix>.owners.
	Group string

	// Session is the time that an instance may be silent before the others take over what it owns.
	// Brokers allow 6 s to 30 min unless they are configured otherwise. Default:
	// [DefaultOwnersSession].
	Session time.Duration

	// Heartbeat is the time between two signs of life. An instance hears within this time of others
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
