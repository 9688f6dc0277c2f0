// Package money holds exact amounts of money: a whole number of a currency's minor units, such as cents.
//
// Arithmetic is checked: what does not fit is an error, never a wrong number. Decimal strings are read and written
// exactly; digits that a currency does not have are refused, never rounded away. There are no floats. Which
// currencies there are, and with how many digits, is from ISO 4217.
//
// Everything here is a value or a pure function, safe for concurrent use.
package money
