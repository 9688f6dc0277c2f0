package subscription

import "time"

// Subscription hands events to a handler, as one member of its group. Its methods may be called by
// any number of goroutines.
type Subscription interface {
	// Close gives the partitions to the other members of the group at once. It waits for handlers
	// under way, whose context ends, and commits what is done. It may be called more than once. It
	// returns what Err returns.
	//
	// The handler itself may call it. Then it returns nil at once, and all this is done when the
	// handler has returned: see Done.
	Close() error

	// Done is closed when the subscription has ended: somebody has closed it, or it cannot go on.
	Done() <-chan struct{}

	// Err returns why the subscription has ended, such as [eventstore.ErrClosed]. While it runs,
	// Err returns why partitions of this member are stopped, joined. It returns nil while all goes
	// on, and after a Close that came before the end.
	Err() error

	// Stats returns what this member has done.
	Stats() Stats

	// Waits returns what the subscription has been waiting for, longer than [Config].LongWait, and
	// at once the partitions that have stopped; the longest wait first.
	Waits() []Wait
}

// Stats are running totals of one member since it subscribed, and how far it is behind now.
type Stats struct {
	Handled      int64 // events that the handler has handled, redriven ones left out
	Retried      int64 // attempts after the first
	DeadLettered int64 // events set aside because the handler failed
	Parked       int64 // events set aside because an earlier one of their key is
	Redriven     int64 // events set aside that were handled afterwards
	Partitions   int   // that this member handles now
	Configured   int   // partitions that the category has, which all members share
	Lag          int64 // offsets in them that the store knows and that are not done

	Waiting     int           // what has been waited for longer than LongWait: see [Subscription].Waits
	LongestWait time.Duration // of these; 0 if there is none
	Stopped     int           // partitions of this member that wait until somebody mends what Err says
}

// Wait is something that a subscription has been waiting for, longer than [Config].LongWait; or a
// partition that has stopped.
type Wait struct {
	Partition int32 // −1: all of the member's

	// Key is whose events wait: an aggregate, or a partition key (see [Order]). AggregateID,
	// EventID, EventType and Offset are of its event that is tried. Without a key the whole
	// partition waits, and Offset is −1.
	Key         string
	AggregateID string
	EventID     string
	EventType   string
	Offset      int64

	Since    time.Time
	Attempts int    // that have failed
	Err      error  // of the last attempt; nil if none has failed
	For      string // what is waited for, such as "a partition that another instance owns"

	// Stopped says that trying again cannot help: somebody must mend what Err says, and then start
	// the members again.
	Stopped bool
}
