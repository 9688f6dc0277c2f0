package kafka

import (
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Hooks are told what happens in a store, for metrics and traces; package observe/prom has ready
// ones. Each may be nil, and then costs nothing.
//
// They are called by the goroutines that do the work, also concurrently: they must be quick, and
// must not call the store. How the partitions stand is not told but asked for, with [Store.Status].
type Hooks struct {
	// Appended is called with every append when it is over, whatever became of it.
	Appended eventstore.OnAppend

	// Wrote is called with every record batch when the brokers have answered, or will not.
	Wrote func(Batch)

	// Claimed is called when this instance has become the owner of a partition: the index holds all
	// that was written before.
	Claimed func(Claim)

	// Lost is called when this instance cannot append to a partition any more that it owned, though
	// nobody asked it to give it up: another has claimed it, or what the partition holds cannot be,
	// or brokers no longer know the claim. In the last case Claimed follows.
	Lost func(Loss)

	// Barred is called when a barrier is over: the empty transaction that confirms a refusal where
	// there is nothing to append.
	Barred func(Barrier)

	// Skipped is called with records that the reader rule leaves out.
	Skipped func(Skip)

	// Read is called after each fetch, also while Open reads, with how far the index is.
	Read func(Read)

	// Topic is called when a topic is not as it must be any more, when what is wrong with it
	// changes, and when it is well again.
	Topic func(topics.Change)
}

// Batch is a record batch that was sent.
type Batch struct {
	Topic     string
	Partition int32
	Commits   int
	Records   int
	Duration  time.Duration // until the answer, all attempts together
	Err       error         // nil: it is stored
}

// Claim is a partition that became this instance's.
type Claim struct {
	Topic     string
	Partition int32
	Duration  time.Duration // of claiming and catching up
}

// Loss is a partition that is not this instance's any more.
type Loss struct {
	Topic     string
	Partition int32
	Err       error // why
}

// Barrier is an empty transaction by which the owner of a partition has shown that it still owns
// it, or has not.
type Barrier struct {
	Topic     string
	Partition int32
	Duration  time.Duration
	Err       error // nil: answers that append nothing can be told
}

// Skip is a range of records that do not count.
type Skip struct {
	Topic     string
	Partition int32
	Offset    int64 // of the first
	Records   int
}

// Read is how far the index has read a partition.
type Read struct {
	Topic     string
	Partition int32
	Next      int64 // the first offset that the index does not hold
	End       int64 // of the partition, as the broker told with the fetch
}

// observer binds the hooks to a partition.
func (h Hooks) observer(topic string, p int32) partition.Observer {
	var o partition.Observer
	if h.Wrote != nil {
		o.Wrote = func(commits, records int, d time.Duration, err error) {
			h.Wrote(Batch{Topic: topic, Partition: p, Commits: commits, Records: records, Duration: d, Err: err})
		}
	}
	if h.Claimed != nil {
		o.Claimed = func(d time.Duration) { h.Claimed(Claim{Topic: topic, Partition: p, Duration: d}) }
	}
	if h.Lost != nil {
		o.Lost = func(err error) { h.Lost(Loss{Topic: topic, Partition: p, Err: public(err)}) }
	}
	if h.Barred != nil {
		o.Barred = func(d time.Duration, err error) {
			h.Barred(Barrier{Topic: topic, Partition: p, Duration: d, Err: public(err)})
		}
	}
	if h.Skipped != nil {
		o.Skipped = func(offset int64, records int) {
			h.Skipped(Skip{Topic: topic, Partition: p, Offset: offset, Records: records})
		}
	}
	if h.Read != nil {
		o.Read = func(next, end int64) { h.Read(Read{Topic: topic, Partition: p, Next: next, End: end}) }
	}
	return o
}
