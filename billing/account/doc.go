// Package account is the account of the billing domain: money that belongs to someone, in one
// currency.
//
// [Account] is its state. [AccountCreated], [AccountCredited] and [AccountDebited] are its events.
// [Accounts] ties them to their durable names, and [Schemas] holds their Avro schemas.
// [CreateAccount], [CreditAccount] and [DebitAccount] are its commands: each has a pure method
// Decide with the rules. [View] is the read model, which answers [GetAccount] and [GetBalance].
// [Register] wires all of it to the buses.
//
// The id of a posting's command is its transaction's id, so the store applies a transaction to an
// account once. The state of an account is bounded: it has no list of transactions.
//
// A refusal is an error with the facts that unwraps to its code, such as [ErrInsufficientFunds].
//
// Amounts in events, state and answers are int64, in minor units as the account counts them. Posted
// is the sum of credits less the sum of debits, and held is the reserved part of it. Available =
// posted − held − minBalance is the amount that can still be debited.
//
// An account counts with the exponent that its currency had when it was opened. It goes on doing so
// if the currency is withdrawn or gets another exponent.
//
// Every number in an event is a whole number that a double holds, so that a reader in JavaScript
// reads it exactly. Amounts, balances, limits and the available amount lie within
// ±[money.MaxMinor]. Effective times lie between [Earliest] and [Latest]. A command beyond that is
// refused.
//
// The package never moves money between accounts. A movement is a debit of one account and a credit
// of another, with one transaction id. The sender of both commands ensures that both happen.
//
// State, events and commands are values. A [View] may be used by any number of goroutines.
package account
