package bank_test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

func TestSoundHistories(t *testing.T) {
	pair := bank.Pair(name, 1)
	for title, h := range map[string]*told{
		"nothing":                    aBank(),
		"an audit of an empty bank":  aBank().confirms(5, 6, audit()),
		"a digest that is not known": again(of("c", "", deposit(0, 1)), of("c", "d", deposit(0, 1)), bank.Repeated),
		"transfers, refusals and an audit": founded().writes(5, 6, transfer(1, 2, 30)).
			confirms(7, 8, transfer(1, 2, 900)).confirms(7, 9, audit()).writes(10, 11, freeze()).
			confirms(12, 13, transfer(1, 2, 5)),
		"an account is opened, and again without looking": founded().
			writes(5, 6, bank.Order{Kind: bank.Open, To: []string{account(5)}}).
			writes(7, 8, bank.Order{Kind: bank.Open, To: []string{account(5)}, Blind: true}),
		"a pair is emptied, one pot below zero": founded().writes(5, 6, deposit(1, 50)).writes(7, 8, withdraw(50)).
			confirms(9, 10, withdraw(1)),
		"a stream twice in a commit": founded().writes(5, 6, note(pair[0], account(1), pair[0])).
			confirms(7, 8, withdraw(1)),
		"the later call first": founded().writes(5, 20, deposit(0, 1)).writes(6, 7, deposit(0, 1)),
		"no answer, and stored": founded().decided(5, bank.Forever, deposit(0, 1), nil, bank.Unknown).
			planLogged().forget(),
		"no answer, and not stored": founded().op(5, bank.Forever, bank.Op{Order: deposit(0, 1)}),
		"refused as the state was when it was asked": func() *told {
			h := founded()
			before := h.sees(transfer(1, 2, 900).Reads...)
			return h.writes(5, 9, transfer(1, 2, 30)).decided(6, 10, transfer(1, 2, 900), before, bank.Confirmed)
		}(),
		"an unconfirmed audit of the past": func() *told {
			h := founded()
			before, o := h.sees(audit().Reads...), audit()
			o.Unconfirmed = true
			return h.writes(5, 6, transfer(1, 2, 30)).decided(8, 9, o, before, bank.Confirmed)
		}(),
		"a command again": func() *told {
			h := founded().writes(5, 6, of("c", "d", transfer(1, 2, 30)))
			first := h.result()
			first.Time = time.Time{}
			h.writes(7, 8, transfer(1, 2, 3))
			h.decided(9, 10, of("c", "d", transfer(1, 2, 30)), h.sees(account(1), account(2)), bank.Repeated)
			h.last().Result = first
			return h.decided(11, 12, of("c", "e", transfer(1, 2, 30)), nil, bank.Reused).
				decided(11, 12, of("c", "d", transfer(1, 3, 30)), nil, bank.Reused)
		}(),
		"expected commands": founded().writes(5, 6, expects("c", false, of("d", "", deposit(0, 1)))).
			writes(7, 8, expects("d", true, deposit(0, 1))).
			confirms(9, 10, expects("d", true, audit())),
		"a queued command that was never stored": founded().
			op(5, 6, bank.Op{Order: of("c", "", deposit(0, 1)), Outcome: bank.Failed}).
			op(5, 7, bank.Op{Order: of("c", "", bank.Order{Kind: bank.Ask}), Outcome: bank.Told, Applied: true}),
		"two banks, refused": founded().op(5, 6, bank.Op{Order: across(), Outcome: bank.Invalid}),
	} {
		t.Run(title, func(t *testing.T) { require.Empty(t, h.broken()) })
	}
}

// planLogged puts the commit of the last operation at the end of the log.
func (t *told) planLogged() *told { return t.logged(t.last().Plan) }

// forget removes what the process has told of the last operation: it is gone.
func (t *told) forget() *told {
	t.last().Plan, t.last().Seen = nil, nil
	return t
}

func across() bank.Order {
	return bank.Order{Kind: bank.Across, To: []string{account(1), bank.Account("other", 1)}}
}

// breaks requires that a history breaks exactly these rules.
func breaks(t *testing.T, h *told, rules ...string) {
	t.Helper()
	found := h.broken()
	slices.Sort(rules)
	require.Equal(t, rules, slices.Sorted(maps.Keys(found)), found)
}

func TestCommitsAreAsTheyWereAskedFor(t *testing.T) {
	foreign := founded()
	foreign.logged(&bank.Plan{Op: 99, Writes: []bank.Write{{Stream: account(1), What: "Noted"}}})
	breaks(t, foreign, bank.RuleOrigin)

	strange := founded().op(5, bank.Forever, bank.Op{Order: deposit(0, 1)})
	strange.logged(&bank.Plan{Op: 2, Writes: []bank.Write{{Stream: account(1), What: "Noted"}}})
	breaks(t, strange, bank.RuleOrigin)

	unplanned := founded().writes(5, 6, deposit(0, 1))
	unplanned.Log[1].Records[0].Value = "Deposited 1"
	breaks(t, unplanned, bank.RuleOrigin, bank.RuleStored)

	other := founded().writes(5, 6, deposit(0, 1))
	other.last().Plan.Expect = []bank.Expected{{Stream: account(1), Version: 7}}
	breaks(t, other, bank.RuleWhole)

	worthless := founded().writes(5, 6, transfer(1, 2, 30))
	worthless.Log[1].Records[1].Value = "Moved"
	breaks(t, worthless, bank.RuleOrigin, bank.RuleWhole, bank.RuleSum)

	half := founded().writes(5, 6, transfer(1, 2, 30))
	half.Log[1].Records = half.Log[1].Records[:1]
	breaks(t, half, bank.RuleWhole, bank.RuleStored, bank.RuleSum)

	for what, spoil := range map[string]func(c *bank.Commit){
		"another command":       func(c *bank.Commit) { c.Records[1].Command = "another" },
		"another digest":        func(c *bank.Commit) { c.Records[0].Digest = "another" },
		"a digest twice":        func(c *bank.Commit) { c.Records[1].Digest = "d" },
		"another event":         func(c *bank.Commit) { c.Records[0].Event = "2.9" },
		"a gap between offsets": func(c *bank.Commit) { c.Records[0].Offset-- },
		"headers of one stream": func(c *bank.Commit) { c.Several = false },
	} {
		h := founded().writes(5, 6, of("c", "d", transfer(1, 2, 30)))
		spoil(&h.Log[1])
		require.Contains(t, h.broken(), bank.RuleWhole, what)
	}
}

func TestCommitsHaveOnePartitionKey(t *testing.T) {
	breaks(t, founded().writes(5, 6, across()), bank.RuleKey)
	breaks(t, founded().op(5, 6, bank.Op{Order: across(), Outcome: bank.Conflict}), bank.RuleKey)
	breaks(t, founded().decided(5, bank.Forever, across(), nil, bank.Unknown).planLogged(), bank.RuleKey)
	elsewhere := founded().writes(5, 6, deposit(0, 1))
	elsewhere.Log[1].Partition, elsewhere.Log[1].Records[0].Partition = 1, 1
	elsewhere.last().Result.Partition = 1
	breaks(t, elsewhere, bank.RuleKey)
}

func TestVersionsHaveNoGap(t *testing.T) {
	h := founded().writes(5, 6, deposit(0, 1)).writes(7, 8, deposit(0, 1))
	h.Log[2].Records[0].Version = 3
	h.last().Result.Parts[0] = bank.Part{Stream: bank.Pair(name, 1)[0], First: 3, Last: 3}
	breaks(t, h, bank.RuleVersions)
}

func TestAcknowledgedIsStored(t *testing.T) {
	lost := founded().writes(5, 6, deposit(0, 1))
	lost.Log = lost.Log[:1]
	breaks(t, lost, bank.RuleStored)

	for what, spoil := range map[string]func(r *bank.Result){
		"another offset":  func(r *bank.Result) { r.Offset++ },
		"another version": func(r *bank.Result) { r.Parts[0].First, r.Parts[0].Last = 2, 2 },
		"another time":    func(r *bank.Result) { r.Time = r.Time.Add(1) },
	} {
		h := founded().writes(5, 6, deposit(0, 1))
		spoil(&h.last().Result)
		require.Contains(t, h.broken(), bank.RuleStored, what)
	}

	twice := founded().writes(5, 6, deposit(0, 1)).planLogged()
	breaks(t, twice, bank.RuleStored)

	for _, outcome := range []bank.Outcome{bank.Conflict, bank.Failed, bank.Confirmed} {
		h := founded().decided(5, 6, deposit(0, 1), nil, outcome).planLogged()
		breaks(t, h, bank.RuleNotStored)
	}
}

// A commit rests on everything that it expects, also on what it does not write.
func TestWhatACommitRestsOnHolds(t *testing.T) {
	skew := founded().writes(5, 6, deposit(0, 50))
	pair := bank.Pair(name, 1)
	both := skew.sees(pair[:]...)
	other := withdraw(50)
	other.From = pair[1]
	skew.writes(7, 8, other)
	breaks(t, skew.writesOn(7, 9, withdraw(50), both), bank.RuleExpected, bank.RulePair)

	blind := founded()
	before := blind.sees(pair[:]...)
	breaks(t, blind.writes(5, 6, deposit(1, 1)).writesOn(5, 7, withdraw(0), before), bank.RuleExpected)

	taken := founded().writes(5, 6, deposit(0, 1))
	seen := taken.sees(pair[:]...)
	seen[0].Event, seen[0].Unstored = "8.0", 1
	breaks(t, taken.writesOn(5, 7, withdraw(0), seen), bank.RuleExpected)

	opened := founded().writes(5, 6, bank.Order{Kind: bank.Open, To: []string{account(5)}})
	breaks(t, opened.writes(7, 8, bank.Order{Kind: bank.Open, To: []string{account(5)}}), bank.RuleExpected)

	// nobody has got an answer, and the log tells what it was decided on
	lost := founded()
	before = lost.sees(pair[:]...)
	lost.writes(5, 6, deposit(1, 1)).decided(5, bank.Forever, withdraw(0), before, bank.Unknown).planLogged().forget()
	breaks(t, lost, bank.RuleExpected)

	applied := founded().writes(5, 6, of("c", "", deposit(0, 1)))
	breaks(t, applied.writes(7, 8, expects("c", false, deposit(0, 1))), bank.RuleExpected)
	breaks(t, founded().writes(5, 6, expects("c", true, deposit(0, 1))), bank.RuleExpected)
}

func TestTheOrderOfTheLogIsThatOfTheClock(t *testing.T) {
	breaks(t, founded().writes(10, 11, deposit(0, 1)).writes(5, 6, deposit(1, 1)), bank.RuleOrder)

	// nobody has got the answer, but somebody has read it before the other one was asked for
	h := founded()
	h.writes(20, 21, deposit(0, 1)).decided(5, bank.Forever, deposit(1, 1), nil, bank.Unknown).planLogged()
	read := bank.Order{Kind: bank.Audit, Reads: []string{bank.Pair(name, 1)[1]}, Reading: bank.Stored}
	breaks(t, h.decided(6, 7, read, h.sees(read.Reads...), bank.Conflict), bank.RuleOrder)
}

func TestMoneyIsNeverMade(t *testing.T) {
	made := founded()
	more := transfer(1, 2, 30)
	more.To = append(more.To, more.To[0]) // takes 60
	made.decided(5, 6, more, made.sees(more.Reads...), bank.Written)
	made.last().Plan.Writes[0].Amount = -30
	made.planLogged().last().Result = made.result()
	breaks(t, made, bank.RuleSum)

	below := founded()
	seen := below.sees(transfer(1, 2, 80).Reads...)
	below.writes(5, 6, transfer(1, 3, 80))
	breaks(t, below.writesOn(5, 7, transfer(1, 2, 80), seen), bank.RuleBelow, bank.RuleExpected)

	frozen := founded()
	seen = frozen.sees(transfer(1, 2, 30).Reads...)
	breaks(t, frozen.writes(5, 6, freeze()).writesOn(5, 7, transfer(1, 2, 30), seen), bank.RuleFrozen,
		bank.RuleExpected)

	twice := founded()
	breaks(t, twice.writes(5, 6, twice.Ops[0].Order), bank.RuleSum, bank.RuleExpected)
}

func TestCommands(t *testing.T) {
	twice := founded().writes(5, 6, of("c", "", deposit(0, 1))).writes(7, 8, of("c", "", deposit(0, 1)))
	breaks(t, twice, bank.RuleCommand)

	breaks(t, founded().decided(5, 6, of("c", "", deposit(0, 1)), nil, bank.Repeated), bank.RuleCommand)
	breaks(t, founded().decided(5, 6, of("c", "", deposit(0, 1)), nil, bank.Reused), bank.RuleCommand)

	first := of("c", "d", deposit(0, 1))
	require.Empty(t, again(first, first, bank.Repeated).broken())
	require.Empty(t, again(first, of("c", "", deposit(0, 1)), bank.Repeated).broken())
	breaks(t, again(first, of("c", "other", deposit(0, 1)), bank.Repeated), bank.RuleCommand)
	breaks(t, again(first, of("c", "d", deposit(1, 1)), bank.Repeated), bank.RuleCommand)
	breaks(t, again(first, first, bank.Reused), bank.RuleCommand)
	wrong := again(first, first, bank.Repeated)
	wrong.last().Result.Offset++
	breaks(t, wrong, bank.RuleCommand)
	early := again(first, first, bank.Repeated)
	early.last().Call, early.last().Return = 1, 2
	breaks(t, early, bank.RuleCommand, bank.RuleOrder)
}

// again is a history of two orders, of which the second gets the result of the first.
func again(first, second bank.Order, outcome bank.Outcome) *told {
	h := founded().writes(5, 6, first)
	result := h.result()
	h.decided(7, 8, second, nil, outcome).last().Result = result
	return h
}

func TestWhatIsToldOfACommand(t *testing.T) {
	ask := func(store int, applied bool) bank.Op {
		return bank.Op{
			Order: of("c", "", bank.Order{Kind: bank.Ask}), Store: store, Outcome: bank.Told, Applied: applied,
		}
	}
	stored := func() *told { return founded().writes(5, 6, of("c", "", deposit(0, 1))) }
	require.Empty(t, stored().op(7, 8, ask(0, true)).broken())
	breaks(t, founded().op(7, 8, ask(0, true)), bank.RuleApplied)
	breaks(t, stored().op(7, 8, ask(0, false)), bank.RuleApplied)
	breaks(t, stored().op(70, 71, ask(1, false)), bank.RuleApplied)
	late := stored()
	late.Ops[1].Call, late.Ops[1].Return = 65, 66
	require.Empty(t, late.op(70, 71, ask(1, false)).broken(), "it was another store's, which may have been overtaken")
	require.Empty(t, stored().op(5, 8, ask(0, false)).broken())
}

func TestSavedHistoriesAreJudgedAlike(t *testing.T) {
	h := founded().writes(5, 6, of("c", "d", transfer(1, 2, 30))).confirms(7, 8, audit())
	h.Log = h.Log[:1]
	path := filepath.Join(t.TempDir(), "bank.json")
	require.NoError(t, h.Save(path))
	loaded, ok, err := bank.Load(path)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, bank.Check(&h.History), bank.Check(&loaded))
	require.NotEmpty(t, h.broken())

	require.NoError(t, history.Save(path, []history.Op{{Seen: []string{"1.0"}}}, history.Owners{}, nil))
	_, ok, err = bank.Load(path)
	require.NoError(t, err)
	require.False(t, ok, "it is the history of a stream")
}
