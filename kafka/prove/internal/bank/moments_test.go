package bank_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// A refusal or an audit is true of one moment between its call and its return, whichever store gave
// it. All streams that it saw stood so at that moment.
func TestMoments(t *testing.T) {
	late := func(call, returned int64) *told {
		h := founded()
		before := h.sees(audit().Reads...)
		h.writes(20, 21, transfer(1, 2, 30))
		return h.decided(call, returned, audit(), before, bank.Confirmed)
	}
	require.Empty(t, late(10, 30).broken())
	require.Empty(t, late(20, 30).broken())
	require.Empty(t, late(21, 30).broken(), "nobody had the answer before it was asked for")
	breaks(t, late(22, 30), bank.RuleMoment)

	early := founded().writes(20, 30, transfer(1, 2, 30)).confirms(20, 21, audit())
	require.Empty(t, early.broken())
	require.Empty(t, founded().writes(20, 30, transfer(1, 2, 30)).confirms(18, 20, audit()).broken())
	early = founded().writes(20, 30, transfer(1, 2, 30)).confirms(18, 19, audit())
	breaks(t, early, bank.RuleMoment, bank.RulePrefix)
	early = founded().writes(20, 30, deposit(0, 1))
	read := bank.Order{Kind: bank.Verify, Reads: []string{bank.Pair(name, 1)[0]}, Versions: []int64{1}}
	breaks(t, early.decided(18, 19, read, nil, bank.Confirmed), bank.RuleMoment)
	early = founded().decided(18, 19, read, nil, bank.Confirmed)
	breaks(t, early, bank.RuleMoment)
	early = founded().writes(30, 40, deposit(0, 1)).writes(20, 40, deposit(1, 1))
	breaks(t, early.decided(18, 19, read, nil, bank.Confirmed), bank.RuleMoment)

	// a commit that was known before is behind one that was asked for later
	crossed := founded().writes(30, 40, deposit(0, 1)).writes(5, 6, deposit(1, 1))
	breaks(t, crossed.confirms(18, 19, audit()), bank.RuleMoment, bank.RuleOrder)
}

// Two streams that stood as they were seen, but never together.
func TestStreamsThatNeverStoodTogether(t *testing.T) {
	torn := func(o bank.Order) *told {
		h := founded()
		seen := h.sees(o.Reads...)
		h.writes(5, 20, transfer(1, 2, 30))
		copy(seen[1:], h.sees(o.Reads...)[1:])
		o.Reading = bank.Apart
		return h.decided(5, 20, o, seen, bank.Confirmed)
	}
	breaks(t, torn(audit()), bank.RuleMoment)
	breaks(t, torn(transfer(1, 2, 900)), bank.RuleMoment)
	unconfirmed := audit()
	unconfirmed.Unconfirmed = true
	breaks(t, torn(unconfirmed), bank.RuleMoment)

	never := founded()
	seen := never.sees(audit().Reads...)
	seen[0].Event, seen[0].Unstored = "7.0", 1
	breaks(t, never.decided(5, 6, audit(), seen, bank.Confirmed), bank.RuleMoment)
}

// An answer shows a commit. From then on the commit is known, though nobody has its own answer.
func TestAnswersAgreeWithEachOther(t *testing.T) {
	h := founded()
	before := h.sees(audit().Reads...)
	h.decided(5, bank.Forever, transfer(1, 2, 30), h.sees(transfer(1, 2, 30).Reads...), bank.Unknown).planLogged()
	h.confirms(6, 7, audit())
	require.Empty(t, h.broken())
	breaks(t, h.decided(8, 9, audit(), before, bank.Confirmed), bank.RuleMoment)

	// each of the two has a place, but none has one that leaves the other a later one
	h = founded()
	pots := bank.Pair(name, 1)
	verify := func(pot int, version int64) bank.Order {
		return bank.Order{Kind: bank.Verify, Reads: []string{pots[pot]}, Versions: []int64{version}}
	}
	h.decided(5, bank.Forever, deposit(0, 1), nil, bank.Unknown).planLogged()
	h.decided(5, bank.Forever, deposit(1, 1), nil, bank.Unknown).planLogged()
	require.Empty(t, h.decided(6, 7, verify(1, 1), nil, bank.Confirmed).broken())
	breaks(t, h.decided(8, 9, verify(0, 0), nil, bank.Confirmed), bank.RuleMoment)
}

// An answer is also of a moment in which the commands were as it expected, and its own command was
// not applied. Otherwise it would be the first result.
func TestMomentsOfCommands(t *testing.T) {
	verify := func(version int64) bank.Order {
		return bank.Order{Kind: bank.Verify, Reads: []string{account(1)}, Versions: []int64{version}}
	}
	stored := func() *told { return founded().writes(5, 20, of("c", "", note(account(1), account(2)))) }
	require.Empty(t, stored().decided(6, 7, expects("c", false, verify(1)), nil, bank.Confirmed).broken())
	require.Empty(t, stored().decided(6, 7, expects("c", true, verify(2)), nil, bank.Confirmed).broken())
	breaks(t, stored().decided(6, 7, expects("c", true, verify(1)), nil, bank.Confirmed), bank.RuleMoment)
	breaks(t, stored().decided(6, 7, expects("c", false, verify(2)), nil, bank.Confirmed), bank.RuleMoment)
	breaks(t, stored().decided(6, 7, expects("d", true, verify(2)), nil, bank.Confirmed), bank.RuleMoment)
	require.Empty(t, stored().decided(6, 7, of("c", "", verify(1)), nil, bank.Confirmed).broken())
	breaks(t, stored().decided(6, 7, of("c", "", verify(2)), nil, bank.Confirmed), bank.RuleMoment)
}

func TestReadsArePrefixes(t *testing.T) {
	h := founded().writes(5, 6, deposit(0, 10))
	pots := bank.Pair(name, 1)
	read := bank.Order{Kind: bank.Audit, Reads: pots[:1], Reading: bank.Stored}
	for what, spoil := range map[string]func(s *bank.Seen){
		"another event": func(s *bank.Seen) { s.Event = "9.0" },
		"more events":   func(s *bank.Seen) { s.Version++ },
		"other events":  func(s *bank.Seen) { s.Balance++ },
	} {
		seen := h.sees(read.Reads...)
		spoil(&seen[0])
		wrong := &told{History: h.History, log: h.log, end: h.end}
		t.Run(what, func(t *testing.T) {
			breaks(t, wrong.decided(7, 8, read, seen, bank.Conflict), bank.RulePrefix)
		})
	}
	require.Empty(t, h.decided(7, 8, read, h.sees(read.Reads...), bank.Conflict).broken())
	breaks(t, h.decided(3, 4, read, h.sees(read.Reads...), bank.Conflict), bank.RulePrefix)
}

// A view of streams that stand together never has a part of a commit, whatever became of the
// decision.
func TestViewsAreNotTorn(t *testing.T) {
	view := func(spoil func(seen []bank.Seen)) *told {
		h := founded().writes(5, 20, transfer(1, 2, 30))
		seen := h.sees(audit().Reads...)
		spoil(seen)
		return h.decided(5, 20, audit(), seen, bank.Conflict)
	}
	before := founded().sees(audit().Reads...)
	require.Empty(t, view(func([]bank.Seen) {}).broken())
	require.Empty(t, view(func(seen []bank.Seen) { copy(seen, before) }).broken())
	breaks(t, view(func(seen []bank.Seen) { seen[1] = before[1] }), bank.RuleTorn)
	earlier := founded()
	seen := earlier.sees(account(1))
	earlier.writes(5, 20, transfer(1, 2, 30)).writes(5, 20, note(account(2)))
	seen = append(seen, earlier.sees(account(2), bank.FreezeOf(name))...)
	breaks(t, earlier.decided(5, 20, transfer(1, 2, 900), seen, bank.Conflict), bank.RuleTorn)

	// on queued commits that were never stored, only the money can be judged
	queued := func(one, other int64) *told {
		return view(func(seen []bank.Seen) {
			seen[0] = bank.Seen{Stream: account(1), Version: 9, Event: "8.0", Balance: one, Unstored: 1}
			seen[1] = bank.Seen{Stream: account(2), Version: 9, Event: "8.1", Balance: other, Unstored: 1}
		})
	}
	require.Empty(t, queued(0, 200).broken())
	verdict := bank.Check(&queued(0, 200).History)
	require.Equal(t, 2, verdict.Views)
	require.Equal(t, 1, verdict.Compared, "the view of the transfer; nothing else is known of the other one")
	breaks(t, queued(10, 200), bank.RuleTorn)
	breaks(t, queued(-10, 210), bank.RuleTorn)

	// a transfer reads too few accounts to know the sum
	h := founded()
	old := h.sees(account(1))
	h.writes(5, 20, transfer(1, 2, 30))
	o := transfer(1, 2, 900)
	breaks(t, h.decided(5, 20, o, append(old, h.sees(o.Reads[1:]...)...), bank.Failed), bank.RuleTorn)

	// a withdrawal that will be refused is still shown
	pots := bank.Pair(name, 1)
	both := founded()
	seen = both.sees(pots[:]...)
	seen[0] = bank.Seen{Stream: pots[0], Version: 1, Event: "9.0", Balance: -5, Unstored: 1}
	require.Empty(t, both.decided(5, 6, withdraw(10), seen, bank.Conflict).broken())

	amid := founded().writes(5, 20, note(pots[0], account(1), pots[0]))
	seen = amid.sees(pots[:]...)
	seen[0].Version, seen[0].Event = 1, "2.0"
	breaks(t, amid.decided(5, 20, withdraw(10), seen, bank.Conflict), bank.RuleTorn)
}
