// Package programs tests what all programs of this module have in common. It has no other code, and
// nobody imports it.
package programs
