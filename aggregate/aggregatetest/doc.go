// Package aggregatetest tests the decisions of an aggregate without a store. Given what has
// happened, when a command is decided, then these events follow, or this refusal:
//
//	aggregatetest.For(t, account.Accounts).
//		Given(account.AccountCreated{OwnerID: "user-1"}).
//		When(account.CreditAccount{Amount: 5}.Decide).
//		Then(account.AccountCredited{Amount: 5})
//
// [CheckNamed] finds the event types that were written but never listed in aggregate.NewType.
//
// The package uses no store, no codec and no bus, and it is for tests only. A [Case] does not
// change. An [Outcome] belongs to one goroutine.
package aggregatetest
