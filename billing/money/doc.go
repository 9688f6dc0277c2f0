// Package money holds exact amounts of money: a whole number of minor units, such as cents.
//
// Arithmetic is checked: what does not fit is an error, never a wrong number. A [Decimal] is an
// amount as it is written; digits that the one who counts does not have are refused, never rounded
// away. There are no floats.
//
// Every amount lies within ±[MaxMinor], which is 2^53−1: the whole numbers that a double holds. So
// a reader in a language that has only doubles, such as JavaScript, reads each amount exactly.
//
// [Currency.Exponent] is the only function that asks which currencies there are, and with how many
// digits (ISO 4217). The table changes: currencies are withdrawn, and some get other digits. So
// whoever stores minor units stores the exponent beside them, and counts with that one from then
// on.
//
// Everything here is a value or a pure function, safe for concurrent use.
package money
