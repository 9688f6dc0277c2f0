// Package programs holds what is tested of all programs of this module alike. It has no code of its own.
package programs
