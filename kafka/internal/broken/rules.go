package broken

import "context"

// Rules says which of its rules a store does not keep.
type Rules struct {
	NoWitness            bool // a batch's base offset is not compared with the expected one
	NoMarkerWait         bool // a claim does not wait for its own marker
	NoVersionCheck       bool // every expectation is met
	FreshSequence        bool // a batch that is sent again gets a new sequence number
	CheckpointBeforeData bool // the index saves its checkpoint before the data it stands for
	ForgetCommands       bool // the command ids read while claiming are not kept
	KeepDecisions        bool // a decision stands although a commit that it rests on was not stored
	ReadsOnBroken        bool // a read goes on from queued events that were not stored
	NoProof              bool // a refusal is told at once if nothing is queued
	StaleProof           bool // a refusal is told once the batch or barrier that was under way is stored
	TermsRevive          bool // a later marker of a term that has ended begins it again
	ReadsUnchecked       bool // expectations of streams that a commit does not write to are not checked
	CommandsUnchecked    bool // expectations of commands are not checked
	TornReads            bool // streams that are read together need not stand together
	HalfCommits          bool // of a commit of several streams only the first half counts
	DigestsIgnored       bool // a command with the id of another one is taken for its repetition
	TimesGoBack          bool // an event keeps the time that its caller gave it
	KeysUnchecked        bool // a commit may write to several partition keys
	NeverLooks           bool // an idle owner does not look whether it was overtaken, as a process that sleeps does not
}

type key struct{}

// With returns a context whose store breaks the rules.
func With(ctx context.Context, r Rules) context.Context { return context.WithValue(ctx, key{}, r) }

// From returns the rules that With put into ctx, or none.
func From(ctx context.Context) Rules {
	r, _ := ctx.Value(key{}).(Rules)
	return r
}
