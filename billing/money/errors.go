package money

import (
	"fmt"
	"strconv"

	"github.com/fencelog/fencelog/billing/refusal"
)

// The reasons why an amount is refused. They are codes for clients, and sentinels for errors.Is.
// Each stands for the named error type.
const (
	ErrInvalidCurrency refusal.Code = "InvalidCurrency"         // [CurrencyError]
	ErrInvalidAmount   refusal.Code = "InvalidAmount"           // [SyntaxError]
	ErrPrecision       refusal.Code = "AmountPrecisionExceeded" // [PrecisionError]
	ErrOverflow        refusal.Code = "AmountOverflow"          // [OverflowError]
	ErrMismatch        refusal.Code = "CurrencyMismatch"        // [MismatchError]
)

// CurrencyError says that ISO 4217 does not list a currency. It matches [ErrInvalidCurrency].
type CurrencyError struct{ Currency Currency }

// Error says what was found and what was expected.
func (e *CurrencyError) Error() string {
	return fmt.Sprintf("unknown currency %q, expected a code of ISO 4217 such as USD", string(e.Currency))
}

// Unwrap returns [ErrInvalidCurrency].
func (e *CurrencyError) Unwrap() error { return ErrInvalidCurrency }

// SyntaxError says that a text is no amount. It matches [ErrInvalidAmount].
type SyntaxError struct{ Text string }

// Error says what was found and what was expected.
func (e *SyntaxError) Error() string {
	text := e.Text
	if len(text) > maxDecimal {
		text = text[:maxDecimal] + "…"
	}
	return fmt.Sprintf("%s is not a decimal amount such as \"12.50\" or \"-3\"", strconv.Quote(text))
}

// Unwrap returns [ErrInvalidAmount].
func (e *SyntaxError) Unwrap() error { return ErrInvalidAmount }

// PrecisionError says that an amount has more digits after the point than the caller counts. It
// matches [ErrPrecision].
type PrecisionError struct {
	Text     string
	Exponent int // how many it may have
}

// Error says what was found and what was expected.
func (e *PrecisionError) Error() string {
	return fmt.Sprintf("%s has too many digits after the point, at most %d fit: amounts are never rounded", e.Text,
		e.Exponent)
}

// Unwrap returns [ErrPrecision].
func (e *PrecisionError) Unwrap() error { return ErrPrecision }

// OverflowError says that a result is beyond ±[MaxMinor]. It matches [ErrOverflow].
type OverflowError struct{ Operation string }

// Error says which operation overflowed, and what the limit is.
func (e *OverflowError) Error() string {
	return fmt.Sprintf("%s is out of range: expected at most %d minor units (2^53-1) on either side of 0", e.Operation,
		MaxMinor)
}

// Unwrap returns [ErrOverflow].
func (e *OverflowError) Unwrap() error { return ErrOverflow }

func overflow(a int64, operator string, b int64) error {
	return &OverflowError{Operation: fmt.Sprintf("%d %s %d", a, operator, b)}
}

// MismatchError says that an amount is of another currency than is expected. It matches
// [ErrMismatch].
type MismatchError struct{ Found, Want Currency }

// Error says what was found and what was expected.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("the amount is in %s, expected %s: there is no conversion", name(e.Found), name(e.Want))
}

// Unwrap returns [ErrMismatch].
func (e *MismatchError) Unwrap() error { return ErrMismatch }
