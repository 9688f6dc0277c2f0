// Package refusal is how the billing domain says no: by an error with a stable [Code], which clients may rely on.
//
// A package declares its codes as constants, and for each of them an error type that carries the facts and unwraps to
// the code. So a code is the sentinel for errors.Is, and [Of] finds it in whatever wraps the error:
//
//	errors.Is(err, account.ErrInsufficientFunds)
//	refusal.Of(err) // "InsufficientFunds", true
//
// A refusal is an answer of the business, not a failure: to try again without a change is in vain. It holds
// no state and knows no transport.
package refusal
