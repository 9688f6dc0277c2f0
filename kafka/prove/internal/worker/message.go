package worker

import (
	"time"

	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Category is the category of the streams that workers append to one by one. They append to those
// of [bank.Category] together.
const Category = "Account"

// Order is what a worker should do.
type Order string

// The orders.
const (
	Open   Order = "open"   // close the store that is open, and open another
	Close  Order = "close"  // close the store
	Append Order = "append" // one append
	Read   Order = "read"   // one read of a stream
	Refuse Order = "refuse" // one refusal: a decision on a stream that appends nothing
	Bank   Order = "bank"   // one order for a bank
)

// Request is one order. It names the store by the number of its opening. A worker that has another
// store by now does nothing.
type Request struct {
	ID      int64
	Order   Order
	Store   int
	Timeout time.Duration // of the call's context
	Open    *Settings     `json:",omitempty"`
	Op      *history.Op   `json:",omitempty"`
	Bank    *bank.Op      `json:",omitempty"`
}

// Settings are the settings of the store to open.
type Settings struct {
	Brokers        []string
	TopicPrefix    string
	ClaimPrefix    string // of the transactional ids
	Partitions     int32
	BankPartitions int32
	RequestTimeout time.Duration
	ClaimRenewal   time.Duration
	QuietTime      time.Duration
	IndexDir       string // kept when the process is killed
	Advertise      string // switches sharing on
	Broken         broken.Rules
}

// Answer is what became of a request.
type Answer struct {
	ID      int64
	Err     string      `json:",omitempty"` // of Open and Close
	Alarm   string      `json:",omitempty"` // an error that a sound store over a sound topic never returns
	Skipped int64       `json:",omitempty"` // of Close: records that the store has skipped
	Op      *history.Op `json:",omitempty"` // with its outcome
	Bank    *bank.Op    `json:",omitempty"` // with its outcome
}
