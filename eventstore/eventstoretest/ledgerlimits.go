package eventstoretest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// widestCommits appends a commit to as many streams as may be, each with the longest id. It expects
// as much as may be, and is as large as may be.
func widestCommits(t test, s *suite) {
	ctx, l := s.context(t), s.ledger()
	longest := func(name string) eventstore.Stream {
		stream := l.stream(name)
		stream.ID += strings.Repeat("x", eventstore.MaxIDBytes-len(stream.ID))
		return stream
	}
	var streams []eventstore.Stream
	var expect []eventstore.Expectation
	var commands []eventstore.CommandExpectation
	for i := range eventstore.MaxCommitRecords {
		streams = append(streams, longest(fmt.Sprint(i, " ")))
		// Half of them are of streams that the commit does not write to.
		e := eventstore.Expectation{Stream: longest(fmt.Sprint(i, " "))}
		if i%2 == 1 {
			e.Stream = longest(fmt.Sprint(i, " not written "))
		}
		expect = append(expect, e)
		commands = append(commands, eventstore.CommandExpectation{CommandID: fmt.Sprint(i)})
	}
	c := s.over(eventstore.MaxCommitRecords, streams...)
	c.Expect, c.ExpectCommands, c.CommandID = expect, commands, ids.New()
	for i := range c.Records {
		c.Records[i].CommandID = c.CommandID // which counts
	}
	fill(c.Records)
	result, want := s.commit(ctx, t, c)
	if len(result.Streams) != len(streams) {
		fatal(t, "the result of a commit over many streams does not have all of them", len(result.Streams))
	}
	got := s.category(ctx, t, l.category).ledgers[l.key]
	same(t, "a commit over as many streams as may be", got, want)
	for _, i := range []int{0, 1, len(streams) - 1} {
		same(t, "a stream of a commit over many", s.load(ctx, t, streams[i]), got[i:i+1])
	}

	slices.Reverse(c.Records) // the same streams, in another order
	repeated, err := s.store.Append(ctx, c)
	must(t, "a command over many streams that is sent again", err)
	if !repeated.Repeated || !slices.Equal(repeated.Streams, result.Streams) {
		fatal(t, "a command over many streams that is sent again has another result", len(repeated.Streams))
	}
	for i := range expect {
		if expect[i].Version = eventstore.NoStream; i%2 == 0 {
			expect[i].Version = 1
		}
	}
	_, err = s.store.Append(ctx, checkOf(expect...))
	must(t, "a check of many streams", err)
	expect[len(expect)-1].Version = 1
	_, err = s.store.Append(ctx, checkOf(expect...))
	conflictOf(t, err, passed(expect[len(expect)-1], 0))
}
