// Package programs tests the rules that all programs of this module keep. It has no other code, and
// nobody imports it.
package programs
