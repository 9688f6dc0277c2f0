// Package damage hurts the log itself, which no order of processes and connections can: disks are
// put back, records are compacted or deleted, a leader without the last records is elected, others
// write to the topic, a topic grows. What a store cannot survive it must say. A store that goes on
// as if nothing had happened, while records that it had acknowledged or read are gone, breaks a
// promise.
//
// [Run] runs scenarios on three real brokers until its time is over. Each has a topic that no other
// one uses: random operations, the damage, and then a look at every store that was open, at every
// store that is opened again with the index it kept, and at one with an empty index. An independent
// consumer tells what the log holds.
//
// Nothing outlives Run. It may be called concurrently.
package damage
