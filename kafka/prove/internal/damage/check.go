package damage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
)

// The rules.
const (
	RuleSaid     = "a store says what is gone"
	RuleHeld     = "a store reads what the log holds"
	RuleWorks    = "a store works, or says why it cannot"
	RuleSurvives = "a store survives what does not count"
	RuleKept     = "what is acknowledged after the damage is kept"
)

// lookAt opens the store, checks it and closes it.
func (t *trial) lookAt(ctx context.Context, v *view) {
	if t.scenario.grows && v.cfg.IndexDir == "" && t.rng.IntN(2) == 0 {
		v.grow()
	}
	v.looked = true
	err := v.open(ctx)
	switch {
	case err == nil:
		t.check(ctx, v)
		v.close()
	case honest(err):
		for p := range int32(partitions) {
			v.said[p] = err.Error()
		}
		t.survived(v)
	default:
		t.violate(RuleWorks, v.name, "it does not open, and does not say why: %v", err)
	}
}

// check waits until the store is right in every partition, or has said why it cannot be. It reports
// the partitions in which the store does neither.
func (t *trial) check(ctx context.Context, v *view) {
	v.looked = true
	bounded, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	var last []problem
	for {
		last = t.problems(ctx, v)
		if len(last) == 0 || clock.Wait(bounded, pollEvery) != nil {
			break
		}
	}
	for _, p := range last {
		t.violate(p.rule, v.name, "%s", p.text)
	}
	t.survived(v)
}

// survived reports a store that gave up, though it must survive the damage.
func (t *trial) survived(v *view) {
	if !t.scenario.survivable {
		return
	}
	for p, text := range v.said {
		t.violate(RuleSurvives, v.name, "partition %d: %s", p, text)
		return
	}
}

// problem is what is wrong at the moment with a partition, though the store has not said so.
type problem struct {
	partition  int32
	rule, text string
}

// problems asks the store for everything, and returns the first problem of each partition.
func (t *trial) problems(ctx context.Context, v *view) []problem {
	var all []problem
	for n := range streams {
		s := stream(n)
		partition := t.placed[s]
		v.listen()
		if v.said[partition] != "" || slices.ContainsFunc(all, func(p problem) bool {
			return p.partition == partition
		}) {
			continue
		}
		rule, text := t.problem(ctx, v, s)
		if rule != "" && v.said[partition] == "" {
			all = append(all, problem{partition, rule, fmt.Sprintf("partition %d, %s: %s", partition, s, text)})
		}
	}
	return all
}

// problem asks the store for a stream and returns what is wrong with the answers.
func (t *trial) problem(ctx context.Context, v *view, s string) (rule, text string) {
	if err := t.write(ctx, v, s); err != nil {
		return RuleWorks, err.Error()
	}
	read, err := t.read(ctx, v, s)
	if err != nil {
		return RuleWorks, err.Error()
	}
	if err := t.catchUp(ctx); err != nil {
		return RuleWorks, err.Error()
	}
	held := t.held(s)
	for i, event := range read {
		if i >= len(held) || held[i] != event {
			return RuleHeld, fmt.Sprintf("version %d reads as %s, and the log holds %s", i+1, event,
				at(held, int64(i+1)))
		}
	}
	switch version, gone := t.gone(v, s); {
	case gone:
		return RuleSaid, fmt.Sprintf("version %d was %s, and the log holds %s", version, v.seen[s][version-1],
			at(held, version))
	case len(read) < len(held):
		return RuleHeld, fmt.Sprintf("it reads %d events, the log holds %d", len(read), len(held))
	case t.scenario.shows && t.lostIn(t.placed[s]):
		return RuleSaid, "the log shows that records are missing"
	}
	return "", ""
}

// write appends to the stream, unless it has done so before or the store claims nothing.
func (t *trial) write(ctx context.Context, v *view, s string) error {
	if !v.claims || v.wrote[s] {
		return nil
	}
	err := t.append(ctx, v, s)
	if err == nil || errors.Is(err, eventstore.ErrNotOwner) {
		v.wrote[s] = true
		return nil
	}
	return err
}

// lostIn reports whether the log lacks an event of the partition that was acknowledged or read
// before the damage.
func (t *trial) lostIn(partition int32) bool {
	for n := range streams {
		s := stream(n)
		if _, gone := t.gone(t.owner, s); gone && t.placed[s] == partition {
			return true
		}
	}
	return false
}

func at(events []string, version int64) string {
	if version > int64(len(events)) {
		return fmt.Sprintf("%d events", len(events))
	}
	return events[version-1] + " there"
}

// checkAcks compares what was acknowledged since the damage with the log.
func (t *trial) checkAcks(ctx context.Context) {
	if err := t.catchUp(ctx); err != nil {
		t.violate(RuleWorks, "log", "it cannot be read to its end: %v", err)
		return
	}
	for s, acks := range t.after {
		if t.scenario.shows && t.lostIn(t.placed[s]) {
			continue // it was stored, but in a stream that has lost its beginning nothing counts
		}
		held := t.held(s)
		for _, a := range acks {
			if a.version > int64(len(held)) || held[a.version-1] != a.event {
				t.violate(RuleKept, a.by, "%s version %d was acknowledged as %s, and the log holds %s",
					s, a.version, a.event, at(held, a.version))
				break
			}
		}
	}
}
