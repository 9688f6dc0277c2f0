// Package damage hurts the log itself, which faults of processes and connections cannot do. It puts
// disks back, lets records be compacted or deleted, and elects a leader without the last records.
// It also writes to the topic as another program, and lets the topic grow. If a store cannot
// survive the damage, it must say so. If records that it had acknowledged or read are gone, and it
// goes on as if nothing had happened, it breaks a promise.
//
// [Run] runs scenarios on three real brokers until its time is over. Each scenario has a topic that
// no other one uses. It does random operations, and then the damage. Then it looks at every store
// that was open, and at every store that is opened again with the index it kept. It also looks at a
// store with an empty index. An independent consumer tells what the log holds.
//
// Nothing outlives Run. It may be called concurrently.
package damage
