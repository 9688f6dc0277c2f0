package bank

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Plan is what a process gave to the store as one commit. If it writes nothing, it is a check.
type Plan struct {
	Op              int64
	Expect          []Expected        `json:",omitempty"`
	Commands        []CommandExpected `json:",omitempty"`
	Command, Digest string            `json:",omitempty"`
	Writes          []Write           `json:",omitempty"`
	Unconfirmed     bool              `json:",omitempty"`
}

// Expected is a stream and where it must stand.
type Expected struct {
	Stream  string
	Version int64
	Read    bool   `json:",omitempty"` // the stream was read
	Event   string `json:",omitempty"` // id of the last event that was read
}

// plan returns the commit that writes this on what the operation has seen.
func (o *Op) plan(writes []Write) *Plan {
	p := &Plan{
		Op: o.ID, Commands: o.Order.Commands, Command: o.Order.Command, Digest: o.Order.Digest, Writes: writes,
		Unconfirmed: o.Order.Unconfirmed && len(writes) == 0,
	}
	for _, s := range o.Seen {
		p.Expect = append(p.Expect, Expected{Stream: s.Stream, Version: s.Version, Read: true, Event: s.Event})
	}
	if len(o.Seen) > 0 {
		return p
	}
	if o.Order.Kind == Verify {
		for i, stream := range o.Order.Reads {
			p.Expect = append(p.Expect, Expected{Stream: stream, Version: o.Order.Versions[i]})
		}
	}
	for _, stream := range p.streams() {
		switch {
		case o.Order.Kind == Found, o.Order.Kind == Open && !o.Order.Blind:
			p.Expect = append(p.Expect, Expected{Stream: stream, Version: int64(eventstore.NoStream)})
		case o.Order.Kind == Note:
			p.Expect = append(p.Expect, Expected{Stream: stream, Version: history.Any})
		}
	}
	return p
}

// Prepare notes in the operation what it gives to the store, now that it has Seen what it reads.
func (o *Op) Prepare() { o.Plan = o.plan(o.Order.Decide(o.Seen)) }

// EventID returns the id of the plan's event i, from 0.
func (p *Plan) EventID(i int) string {
	return strconv.FormatInt(p.Op, 10) + "." + strconv.Itoa(i)
}

// Value returns the value of the plan's event i, from 0. The first one has the whole plan in its
// second line.
func (p *Plan) Value(i int) ([]byte, error) {
	w := &p.Writes[i]
	line := fmt.Appendf(nil, "%s %d", w.What, w.Amount)
	if i > 0 {
		return line, nil
	}
	all, err := json.Marshal(p)
	return append(append(line, '\n'), all...), err
}

// AmountOf returns the amount in an event's value.
func AmountOf(value []byte) (int64, error) {
	line, _, _ := strings.Cut(string(value), "\n")
	_, amount, _ := strings.Cut(line, " ")
	n, err := strconv.ParseInt(amount, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("an event %q, expected a word and an amount: %w", line, err)
	}
	return n, nil
}

// planOf returns the plan in the value of a commit's first event.
func planOf(value string) (*Plan, error) {
	_, text, _ := strings.Cut(value, "\n")
	p := new(Plan)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, fmt.Errorf("the first event of a commit has no plan: %w", err)
	}
	return p, nil
}

// streams returns the streams that the plan writes to, in the order of their first events.
func (p *Plan) streams() []string {
	var all []string
	seen := make(map[string]bool)
	for _, w := range p.Writes {
		if !seen[w.Stream] {
			seen[w.Stream] = true
			all = append(all, w.Stream)
		}
	}
	return all
}
