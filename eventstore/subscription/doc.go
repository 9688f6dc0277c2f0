// Package subscription says how events reach a handler at least once. It has the configuration of
// a subscription, what a subscription tells about itself, and the events that a handler cannot
// handle.
//
// A store that serves subscriptions is a [Source]. [Source].Subscribe calls a handler with the
// events of a category: those of one aggregate in order, those of others at the same time. An
// event that fails is tried again. An event that fails for good becomes a dead letter, and the
// later events of its aggregate wait behind it. [DeadLetters] lists them, shows them, and lets
// them go on. With [ByPartitionKey] all this goes by partition key instead of by aggregate.
//
// The package knows no store, and it delivers nothing itself. Package eventstoretest holds the
// suite that every [Source] passes: RunSubscriptions.
//
// Its interfaces may be used by any number of goroutines. Its other types are values, safe to share
// as long as nobody writes to them.
package subscription
