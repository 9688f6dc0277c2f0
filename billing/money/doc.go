// Package money holds exact amounts of money: a whole number of minor units, such as cents.
//
// Arithmetic is checked: a result that does not fit is an error, never a wrong number. A [Decimal]
// is an amount as it is written. A decimal with more digits after the point than the caller counts
// is refused, never rounded. There are no floats.
//
// Every amount lies within ±[MaxMinor], which is 2^53−1. A double holds all whole numbers within
// these bounds. So a reader in a language that has only doubles, such as JavaScript, reads each
// amount exactly.
//
// Only [Currency.Exponent] asks which currencies there are, and with how many digits (ISO 4217).
// The table changes: currencies are withdrawn, and some get other digits. So store the exponent
// beside minor units, and count with that one from then on.
//
// Everything in the package is a value or a pure function, safe for concurrent use.
package money
