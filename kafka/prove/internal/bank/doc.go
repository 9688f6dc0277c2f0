// Package bank is a workload that needs commits over several streams, and its judge. It keeps what
// clients asked of the banks of a store, and what the store answered.
//
// A bank is a partition key. Its streams are
//   - accounts, whose money is moved and never made;
//   - pairs of pots, which may be emptied as long as both together hold enough;
//   - the freeze: while it is on, no money is moved.
//
// Each commit that a client makes says in the value of its first event what it was decided on. So
// the judge knows that of each commit in the log, also if its client never got an answer.
//
// [Check] replays the log of one bank and compares the answers with it. It uses none of the store's
// code. It need not search for an order, as the log has the order of the commits. An answer has a
// place in that order or has none.
//
// This package talks to nobody. A [Recorder] and a [Log] may be used by any number of goroutines.
package bank
