package delivery

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// Raw is a record as its store has it.
type Raw interface {
	// Bytes returns the key, the value and the headers. They are read only.
	Bytes() (key, value []byte, headers []subscription.Header)
}

// Source yields records of a partition that count, from its place on. It waits for records if there
// are none yet. It reports in position the offset before which there is nothing more. It
// returns when ctx ends, with an error when there will be no more, and where yield returns false.
type Source func(ctx context.Context, yield func(eventstore.Record, Raw) bool) (position int64, err error)

// Config is what a [Runner] needs; every field must be set, if its zero value means nothing.
type Config struct {
	Handler   string // its name, in letters
	Topic     string
	Partition int32

	// Order says whose events wait for one another, and PartitionKey is the category's.
	Order        subscription.Order
	PartitionKey eventstore.PartitionKey

	// Source is where records come from.
	Source Source
	// Handle calls the handler, and says what its error means. It never says Default.
	Handle func(ctx context.Context, r eventstore.Record) (subscription.Verdict, error)
	// Pause returns how long to wait after the given number of attempts.
	Pause func(attempts int) time.Duration
	// Sleep waits for d, or until ctx ends, whose error it then returns.
	Sleep func(ctx context.Context, d time.Duration) error
	// Now returns the time.
	Now func() time.Time
	// Write adds an entry to the letters' log and sets its position. It tries until ctx ends.
	Write func(ctx context.Context, e *letters.Entry) error
	// Read returns the entry at a position of the letters' log, and the record in it. It tries
	// until ctx ends.
	Read func(ctx context.Context, position int64) (letters.Entry, eventstore.Record, error)
	// Commit is told the offset before which all is done, whenever that grows.
	Commit func(offset int64)

	Attempts    int           // of an event that end with RetryThenDeadLetter, before it becomes a letter
	Patience    time.Duration // after the first attempt that ends with WaitThenDeadLetter, before it becomes a letter
	Concurrency int           // handlers at once
	MaxInFlight int           // records that are read and not done
	MaxBytes    int           // of their values

	Counts *Counts
}

// Counts are running totals, of all partitions of a subscription.
type Counts struct {
	Handled      atomic.Int64
	Retried      atomic.Int64
	DeadLettered atomic.Int64 // letters of the kind Dead
	Parked       atomic.Int64 // letters of the kind Waiting
	Redriven     atomic.Int64 // letters that were handled
}
