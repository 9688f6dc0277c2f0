// Package proof lets several processes compete for the same few streams on real brokers. Meanwhile
// it kills, pauses, cuts off and moves everything. Then it judges the answers that the clients got.
// Every stream's history must be linearizable. The topic, which an independent consumer reads, must
// equal what was acknowledged.
//
// Some of the clients move money between the accounts of banks, in commits over several streams.
// They use the same stores in the same runs; see package bank.
//
// [Run] is one proof. It starts the brokers and the processes, makes them work, hurts them, heals
// them, and returns a [Report]. The choices follow from the seed. The moments at which they hit do
// not, as they depend on processes and brokers.
//
// A proof that cannot fail proves nothing. So [Config.Broken] breaks one of the store's rules, and
// the proof must notice.
//
// Nothing outlives Run. It may be called several times, and concurrently.
package proof
