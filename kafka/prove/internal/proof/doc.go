// Package proof lets several processes compete for the same few streams on real brokers while
// everything is killed, paused, cut off and moved, and then judges what the clients were told:
// every stream's history must be linearizable, and the topic, read by an independent consumer, must
// equal what was acknowledged.
//
// [Run] is one proof. It starts the brokers and the processes, works them, hurts them, heals them,
// and returns a [Report]. The choices follow from the seed; the moments at which they hit do not,
// as they depend on processes and brokers.
//
// A proof that cannot fail proves nothing: [Config.Broken] breaks one of the store's rules, and the
// proof must notice.
//
// Nothing outlives Run. It may be called several times, and concurrently.
package proof
