// Package account is the account of the billing domain: money that belongs to someone, in one currency.
//
// [Account] is its state; [AccountCreated], [AccountCredited] and [AccountDebited] are its events, [Accounts] ties them to their durable
// names, and [Schemas] holds their Avro schemas. [CreateAccount], [CreditAccount] and [DebitAccount] are its commands:
// each has a pure method Decide with the rules. [View] is the read model, which answers [GetAccount] and
// [GetBalance]. [Register] wires all of it to the buses.
//
// A refusal is an error with the facts that unwraps to its code, such as [ErrInsufficientFunds].
//
// Amounts in events, state and answers are int64, in minor units as the account counts them: posted is credits less debits;
// held is what is reserved; available = posted − held − minBalance is what can still go. An account counts with the
// exponent that its currency had when it was opened, and goes on if the currency is withdrawn or gets another one.
//
// Every number in an event is a whole number that a double holds, so that a reader in JavaScript reads it exactly: amounts,
// balances and limits lie within ±[money.MaxMinor], and so does what is available; effective times lie between [Earliest]
// and [Latest]. A command beyond that is refused.
//
// It never moves money between accounts: a movement is a debit here and a credit there, with one transaction id, and whoever
// sends both sees to it that both happen.
//
// State, events and commands are values; a [View] may be used by any number of goroutines.
package account
