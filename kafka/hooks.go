package kafka

import (
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Hooks are told what happens in a store, for metrics and traces. Package observe/prom has ready
// ones. Each hook may be nil, and then costs nothing.
//
// The goroutines that do the work call the hooks, also concurrently. A hook must be quick, and must
// not call the store. No hook tells the state of the partitions: ask [Store.Status] for it.
type Hooks struct {
	// Appended is called at the end of every append, also if it failed.
	Appended eventstore.OnAppend

	// Wrote is called with every record batch when the brokers have answered, or when it is clear
	// that they will not.
	Wrote func(Batch)

	// Claimed is called when this instance has become the owner of a partition. The index then
	// holds all that was written before.
	Claimed func(Claim)

	// Lost is called when this instance can no longer append to a partition that it owned, though
	// nobody asked it to give the partition up. Another process has claimed it, or the partition
	// holds data that it cannot hold, or the brokers no longer know the claim. In the last case
	// Claimed follows.
	Lost func(Loss)

	// Barred is called at the end of a barrier. A barrier is the empty transaction that confirms a
	// refusal when there is nothing to append.
	Barred func(Barrier)

	// Skipped is called with records that the reader rule leaves out.
	Skipped func(Skip)

	// Read is called after each fetch, also while Open reads, and tells how far the index has read.
	Read func(Read)

	// Topic is called when a topic is no longer as it must be, when the fault changes, and when the
	// topic is well again.
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

// Claim is a partition that this instance now owns.
type Claim struct {
	Topic     string
	Partition int32
	Duration  time.Duration // of claiming and catching up
}

// Loss is a partition that this instance no longer owns.
type Loss struct {
	Topic     string
	Partition int32
	Err       error // why
}

// Barrier is an empty transaction of the owner of a partition. It shows whether that owner still
// owns the partition.
type Barrier struct {
	Topic     string
	Partition int32
	Duration  time.Duration
	Err       error // nil: this instance still owns it, and may tell answers without an append
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
	End       int64 // of the partition, as the broker said with the fetch
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
