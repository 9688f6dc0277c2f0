package main

import (
	"errors"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/eventstore"
)

// refusalCodes returns the codes by which refusals are counted.
func refusalCodes() []string {
	codes := []string{codeInvalid}
	for _, c := range []refusal.Code{
		account.ErrAccountNotFound, account.ErrAccountAlreadyExists, account.ErrAccountNotActive,
		account.ErrInvalidOwner,
		account.ErrInvalidAccountType, account.ErrInvalidLimits, ids.ErrInvalid, account.ErrDuplicateEntry,
		account.ErrInvalidEntryType,
		account.ErrInvalidEffectiveTime, refusal.CommandReused,
		account.ErrMaxBalanceExceeded, account.ErrInsufficientFunds,
		money.ErrInvalidCurrency, money.ErrInvalidAmount, money.ErrPrecision, money.ErrOverflow, money.ErrMismatch,
	} {
		codes = append(codes, string(c))
	}
	return codes
}

// refusalCode returns the code of a refusal, "" for other errors.
func refusalCode(err error) string {
	if code, ok := refusal.Of(err); ok {
		return string(code)
	}
	if errors.Is(err, eventstore.ErrInvalid) {
		return codeInvalid
	}
	return ""
}
