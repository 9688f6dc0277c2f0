// Package refusal gives the billing domain a way to say no: an error with a stable [Code], on which
// clients may rely.
//
// A package declares its codes as constants. For each code it has an error type that carries the
// facts and unwraps to the code. So a code is the sentinel for errors.Is, and [Of] finds it in any
// error that wraps the refusal:
//
//	errors.Is(err, account.ErrInsufficientFunds)
//	refusal.Of(err) // "InsufficientFunds", true
//
// The store refuses a command whose id another command had. The code of that is [CommandReused].
//
// A refusal is an answer of the business, not a failure: another try without a change ends the
// same. The package holds no state and knows no transport.
package refusal
