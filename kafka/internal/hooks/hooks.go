// Package hooks lets a proof break the store on purpose, to see that the proof can fail. Nothing but tests and
// the prove program sets hooks; without them the store does what DESIGN.md says.
//
// It keeps no state: hooks travel in the context that opens a store.
package hooks

import "context"

// Broken says which of its rules a store does not keep.
type Broken struct {
	NoWitness            bool // a batch's base offset is not compared with the expected one
	NoMarkerWait         bool // a claim does not wait for its own marker
	NoVersionCheck       bool // every expectation is met
	FreshSequence        bool // a batch that is sent again gets a new sequence number
	CheckpointBeforeData bool // the index saves its checkpoint before the data it stands for
	ForgetCommands       bool // the command ids read while claiming are not kept
	KeepDecisions        bool // a decision is not undone when what it rests on is not stored
	NoProof              bool // a refusal is told at once where nothing is queued
	StaleProof           bool // a refusal is told once what was under way when it was asked is stored
	TermsRevive          bool // a later marker of a term that has ended begins it again
	NeverLooks           bool // an idle owner does not look whether it was overtaken: so is a process that sleeps
}

type key struct{}

// With returns a context whose store breaks the rules that b names.
func With(ctx context.Context, b Broken) context.Context { return context.WithValue(ctx, key{}, b) }

// From returns what With put into ctx, or nothing broken.
func From(ctx context.Context) Broken {
	b, _ := ctx.Value(key{}).(Broken)
	return b
}
