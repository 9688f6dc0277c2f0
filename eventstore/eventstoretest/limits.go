package eventstoretest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// largestCommits appends commits that are as large as a store must take, in different ways.
func largestCommits(t test, s *suite) {
	ctx := s.context(t)
	for _, c := range []struct {
		name string
		make func() []eventstore.Record
	}{
		{"one record", func() []eventstore.Record { return s.records(1, "") }},
		{
			"as many records as may be",
			func() []eventstore.Record { return s.records(eventstore.MaxCommitRecords, ids.New()) },
		},
		{"as much metadata as may be", func() []eventstore.Record {
			r := s.records(1, "")
			one := eventstore.Record{Header: event.Header{Metadata: map[string]string{"00000": ""}}}
			each := eventstore.Size(one) - eventstore.Size(eventstore.Record{})
			for i := range (eventstore.MaxCommitBytes - eventstore.Size(r[0])) / each {
				r[0].Metadata[fmt.Sprintf("%05d", i)] = ""
			}
			return r
		}},
	} {
		// The longest id is that of a stream whose records are larger than Size says.
		id := ids.New()
		stream := eventstore.Stream{Category: s.types[0], ID: id + strings.Repeat("x", eventstore.MaxIDBytes-len(id))}
		records := c.make()
		fill(records)
		what := "a commit of " + c.name
		_, want := s.append(ctx, t, stream, eventstore.NoStream, records...)
		same(t, what, s.load(ctx, t, stream), want)
		_, more := s.append(ctx, t, stream, eventstore.Expected(len(want)), s.records(1, "")...)
		same(t, what+" and what follows", s.load(ctx, t, stream), append(want, more...))
		same(t, what+" in its category", s.category(ctx, t, stream.Category).only(stream), append(want, more...))
	}
}

// fill makes values larger until the commit has [eventstore.MaxCommitBytes]. It uses bytes that do
// not compress.
func fill(records []eventstore.Record) {
	left := eventstore.MaxCommitBytes
	for _, r := range records {
		left -= eventstore.Size(r)
	}
	random := rand.NewChaCha8([32]byte{})
	for i := range records {
		n := left / (len(records) - i)
		left -= n
		more := make([]byte, n)
		_, _ = random.Read(more) // it never fails
		records[i].Value = append(records[i].Value, more...)
	}
}

// strangestHeaders uses the longest and the oddest texts wherever text may be.
func strangestHeaders(t test, s *suite) {
	ctx, unique := s.context(t), ids.New()
	texts := append(oddTexts(),
		strings.Repeat("x", eventstore.MaxIDBytes),
		strings.Repeat("é", eventstore.MaxIDBytes/2),
		strings.Repeat("日", eventstore.MaxIDBytes/3),
		strings.Repeat("\x00", eventstore.MaxIDBytes),
		strings.Repeat("\U0001F600", eventstore.MaxIDBytes/4),
	)
	letters := strings.Repeat("Aa-_09", eventstore.MaxTypeBytes)[:eventstore.MaxTypeBytes]
	for i, text := range texts {
		stream := eventstore.Stream{Category: s.types[i%len(s.types)], ID: cut(text, unique) + unique}
		records := s.records(2, text)
		for j := range records {
			r := &records[j]
			r.ID = cut(text, r.ID) + r.ID
			r.Type, r.Revision = letters, math.MaxInt32
			r.CorrelationID, r.CausationID, r.CommandCausationID = text, text, text
			r.ActorID, r.TraceParent = text, text
			r.Metadata = map[string]string{"k": text, cut(text, "k") + "k": strings.Repeat(text, 10)}
			r.Value = append([]byte(text), 0, 0xff)
			s.gives(*r)
		}
		_, want := s.append(ctx, t, stream, eventstore.NoStream, records...)
		same(t, fmt.Sprintf("a stream whose texts are %q", text), s.load(ctx, t, stream), want)
		same(t, fmt.Sprintf("a category with texts %q", text), s.category(ctx, t, stream.Category).only(stream), want)
		if text == "" {
			continue
		}
		again, err := s.store.Append(ctx, eventstore.To(stream, eventstore.NoStream, s.records(1, text)...))
		must(t, fmt.Sprintf("repeating the command %q", text), err)
		if !again.Repeated {
			fatal(t, fmt.Sprintf("the command %q is not known when it is sent again", text))
		}
	}
}

// cut returns as much of text as leaves room for the rest of an id.
func cut(text, rest string) string {
	return strings.ToValidUTF8(text[:min(len(text), eventstore.MaxIDBytes-len(rest))], "")
}
