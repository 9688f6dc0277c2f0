// Package state holds a state whose events are declared elsewhere.
package state

type Shop struct{ Open bool }
