package eventstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// transfer returns a good commit over several streams. It writes to two accounts, whose records are
// interleaved, and expects a version of a third stream.
func transfer() eventstore.Commit {
	alice, bob := account("acme/alice"), account("acme/bob")
	return eventstore.Commit{
		CommandID: "c-1", Digest: "d-1",
		Expect: []eventstore.Expectation{
			{Stream: alice, Version: 7}, {Stream: bob, Version: eventstore.Any}, {Stream: account("acme/freeze")},
		},
		ExpectCommands: []eventstore.CommandExpectation{{CommandID: "c-0", Applied: true}, {CommandID: "c-2"}},
		Records:        []eventstore.Record{of(alice, record()), of(bob, record()), of(alice, record())},
	}
}

// TestCheckSeveralWithinLimits is about commits over several streams that a store takes.
func TestCheckSeveralWithinLimits(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("é", eventstore.MaxIDBytes/2) + "x"
	for what, change := range map[string]func(*eventstore.Commit){
		"a transfer":               func(*eventstore.Commit) {},
		"no expectation":           func(c *eventstore.Commit) { c.Expect = nil },
		"the partition key itself": func(c *eventstore.Commit) { c.Expect[2].Stream.ID = "acme" },
		"longer ids":               func(c *eventstore.Commit) { c.Expect[2].Stream.ID = "acme/alice/savings" },
		"its own command":          func(c *eventstore.Commit) { c.ExpectCommands[1].CommandID = "c-1" },
		"the longest command id":   func(c *eventstore.Commit) { c.ExpectCommands[0].CommandID = longest },
		"as many expectations as may be": func(c *eventstore.Commit) {
			c.Expect, c.ExpectCommands = nil, nil
			for i := range eventstore.MaxCommitRecords {
				c.Expect = append(c.Expect, eventstore.Expectation{Stream: account(fmt.Sprint("acme/", i))})
				c.ExpectCommands = append(c.ExpectCommands, eventstore.CommandExpectation{CommandID: fmt.Sprint(i)})
			}
		},
		"as many streams as may be": func(c *eventstore.Commit) {
			c.Expect, c.Records = nil, nil
			for i := range eventstore.MaxCommitRecords {
				c.Records = append(c.Records, of(account(fmt.Sprint("acme/", i)), record()))
			}
		},
		"a check": func(c *eventstore.Commit) { c.Records, c.Expect = nil, c.Expect[2:] },
		"a check of several streams": func(c *eventstore.Commit) {
			c.Records, c.Expect[1].Version = nil, 1<<62
		},
	} {
		c := transfer()
		change(&c)
		require.NoError(t, eventstore.Check(c, eventstore.BeforeSlash), what)
	}
}

// The parts that the texts of several mistakes share.
const (
	oneKey     = `, expected "acme" of Account/acme/alice, as a commit has one partition key (before-slash)`
	notWritten = "expected version: found Any, expected NoStream or a version from 1 on, as there are no records of "
)

// TestCheckSeveralMistake is about each rule for commits over several streams.
func TestCheckSeveralMistake(t *testing.T) {
	t.Parallel()
	for _, x := range slices.Concat(mistakesOfStreams(), mistakesOfExpectations(), mistakesOfCommands()) {
		c := transfer()
		x.change(&c)
		err := eventstore.Check(c, eventstore.BeforeSlash)
		require.ErrorIs(t, err, eventstore.ErrInvalid, x.what)
		require.Equal(t, x.want, strings.Split(err.Error(), "\n"), x.what)
	}
}

// mistake makes a bad commit of the transfer, in which Check finds what is wanted.
type mistake struct {
	what   string
	change func(*eventstore.Commit)
	want   []string
}

func mistakesOfStreams() []mistake {
	return []mistake{
		{
			"another partition key is written", func(c *eventstore.Commit) { c.Records[1].AggregateID = "zenith/bob" },
			[]string{
				"expectation 2: " + notWritten + "Account/acme/bob",
				`record 2: partition key: found "zenith" of Account/zenith/bob` + oneKey,
			},
		},
		{
			"another partition key is expected", func(c *eventstore.Commit) { c.Expect[2].Stream.ID = "acm/e" },
			[]string{`expectation 3: partition key: found "acm" of Account/acm/e` + oneKey},
		},
		{
			"the only expectation has another partition key",
			func(c *eventstore.Commit) { c.Expect = []eventstore.Expectation{{Stream: account("freeze")}} },
			[]string{`partition key: found "freeze" of Account/freeze` + oneKey},
		},
		{
			"another category is written", func(c *eventstore.Commit) { c.Records[2].Category = "Order" },
			[]string{`record 3: category: found "Order", expected "Account", as a commit has one category`},
		},
		{
			"another category is expected", func(c *eventstore.Commit) { c.Expect[2].Stream.Category = "Order" },
			[]string{`expectation 3: category: found "Order", expected "Account", as a commit has one category`},
		},
		{
			"an id that begins with a slash", func(c *eventstore.Commit) { c.Expect[2].Stream.ID = "/freeze" },
			[]string{
				`expectation 3: aggregate id: found "/freeze", expected something before the slash, which is the ` +
					`partition key`,
				`expectation 3: partition key: found "" of Account//freeze` + oneKey,
			},
		},
		{
			"a record of no stream", func(c *eventstore.Commit) { c.Records[2].AggregateID = "" },
			[]string{
				"record 3: aggregate id: found nothing, expected 1 to 255 bytes",
				`record 3: partition key: found "" of Account/` + oneKey,
			},
		},
		{
			"nothing", func(c *eventstore.Commit) { c.Records, c.Expect = nil, nil },
			[]string{
				`category: found "", expected a letter, then letters, digits, '-' or '_', at most 100`,
				"aggregate id: found nothing, expected 1 to 255 bytes",
				"expectations: found 0, expected one or more for a commit without records",
			},
		},
	}
}

func mistakesOfExpectations() []mistake {
	return []mistake{
		{
			"a stream is expected twice", func(c *eventstore.Commit) { c.Expect[2] = c.Expect[0] },
			[]string{
				"expectation 3: stream: found Account/acme/alice for the second time, " +
					"expected one expectation a stream",
			},
		},
		{
			"Any of a stream that is not written", func(c *eventstore.Commit) { c.Expect[2].Version = eventstore.Any },
			[]string{"expectation 3: " + notWritten + "Account/acme/freeze"},
		},
		{
			"a check of any version", func(c *eventstore.Commit) { c.Records, c.Expect = nil, c.Expect[1:2] },
			[]string{notWritten + "Account/acme/bob"},
		},
		{
			"a version below that of no stream", func(c *eventstore.Commit) { c.Expect[1].Version = -1 },
			[]string{"expectation 2: expected version: found -1, expected Any, NoStream or a version from 1 on"},
		},
		{
			"too many expectations", func(c *eventstore.Commit) {
				c.Expect = nil
				for i := range eventstore.MaxCommitRecords + 1 {
					c.Expect = append(c.Expect, eventstore.Expectation{Stream: account(fmt.Sprint("acme/", i))})
				}
			},
			[]string{"expectations: found 1001, expected at most 1000 of them"},
		},
	}
}

func mistakesOfCommands() []mistake {
	return []mistake{
		{
			"too many expectations of commands", func(c *eventstore.Commit) {
				for i := range eventstore.MaxCommitRecords - 1 {
					c.ExpectCommands = append(c.ExpectCommands, eventstore.CommandExpectation{CommandID: fmt.Sprint(i)})
				}
			},
			[]string{"expectations of commands: found 1001, expected at most 1000 of them"},
		},
		{
			"no command is expected", func(c *eventstore.Commit) { c.ExpectCommands[1].CommandID = "" },
			[]string{"expected command id: found nothing, expected 1 to 255 bytes"},
		},
		{
			"a command id that is too long",
			func(c *eventstore.Commit) {
				c.ExpectCommands[0].CommandID = strings.Repeat("x", eventstore.MaxIDBytes+1)
			},
			[]string{"expected command id: found 256 bytes, expected at most 255"},
		},
		{
			"a command id that is not UTF-8", func(c *eventstore.Commit) { c.ExpectCommands[0].CommandID = "\xff" },
			[]string{`expected command id: found "\xff", expected UTF-8`},
		},
		{
			"a digest on a later record", func(c *eventstore.Commit) { c.Records[1].CommandDigest = "d-1" },
			[]string{`record 2: command digest: found "d-1", expected nothing: the commit has it`},
		},
	}
}

// TestCheckSeveralWholeID is about a category in which each stream has a partition key for itself.
func TestCheckSeveralWholeID(t *testing.T) {
	t.Parallel()
	c := transfer()
	c.Records, c.Expect = c.Records[:2], c.Expect[:2]
	require.EqualError(t, check(c), strings.Join([]string{
		`expectation 2: partition key: found "acme/bob" of Account/acme/bob, expected "acme/alice" of ` +
			`Account/acme/alice, as a commit has one partition key (whole-id; streams share one in a category ` +
			`with before-slash)`,
		`record 2: partition key: found "acme/bob" of Account/acme/bob, expected "acme/alice" of Account/acme/alice, ` +
			`as a commit has one partition key (whole-id; streams share one in a category with before-slash)`,
	}, "\n"))
	one := eventstore.To(account("/alice"), 1, record())
	one.ExpectCommands = []eventstore.CommandExpectation{{CommandID: "c-1", Applied: true}}
	require.NoError(t, check(one), "an id may begin with a slash")
}
