package subscription

import "context"

// Source is a store that serves subscriptions. Its methods may be called by any number of
// goroutines.
type Source interface {
	// Subscribe calls the handler with the events of a category: see [Config]. Subscriptions of
	// one group share the partitions of the category, in any number of processes where the store
	// reaches them. The group's offset of a partition moves only past events that are handled, or
	// that are set aside as dead letters.
	//
	// ctx bounds the call, and not the life of the subscription. That ends with
	// [Subscription].Close, or when the store is closed.
	//
	// Nothing waits in silence. A wait that is longer than [Config].LongWait is logged with its
	// cause, is in [Subscription].Waits and counts in [Subscription].Stats.
	//
	// Errors: all mistakes of cfg; [eventstore.ErrClosed]; the store's own if it reaches nobody;
	// the end of ctx.
	Subscribe(ctx context.Context, cfg Config) (Subscription, error)

	// DeadLetters returns the events that handlers did not handle, of all groups of the store.
	// Close it before the store.
	//
	// Errors: [eventstore.ErrClosed]; the store's own if it reaches nobody; the end of ctx.
	DeadLetters(ctx context.Context) (DeadLetters, error)
}
