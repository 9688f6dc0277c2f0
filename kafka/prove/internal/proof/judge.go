package proof

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Rules beside those of package history.
const (
	ruleProcess = "a process does not die by itself"
	ruleAlarm   = "the store finds nothing corrupt"
	ruleHeals   = "everything works again after the faults"
	ruleClean   = "the topic holds nothing but events that count"
	ruleTimes   = "times of events never go back within a partition"
)

// verdict collects violations, and streams that could not be judged. It keeps each rule once for
// each stream.
type verdict struct {
	begun time.Time
	found func() // called at the first one

	mu         sync.Mutex
	seen       map[[2]string]bool
	violations []history.Violation
	first      time.Duration
	undecided  map[string]history.Violation // by stream, as of the last time it was judged
}

func newVerdict(begun time.Time, found func()) *verdict {
	return &verdict{
		begun: begun, found: found, seen: make(map[[2]string]bool),
		undecided: make(map[string]history.Violation),
	}
}

func (v *verdict) add(all ...history.Violation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, violation := range all {
		key := [2]string{violation.Rule, violation.Stream}
		if v.seen[key] {
			continue
		}
		v.seen[key] = true
		if len(v.violations) == 0 {
			v.first = time.Since(v.begun)
			v.found()
		}
		v.violations = append(v.violations, violation)
	}
}

// judged adds the violations of a stream. A stream is undecided only if it was so the last time,
// because a busy machine may need another try.
func (v *verdict) judged(stream string, found []history.Violation) {
	i := slices.IndexFunc(found, history.Violation.Undecided)
	v.mu.Lock()
	if i < 0 {
		delete(v.undecided, stream)
	} else {
		v.undecided[stream] = found[i]
	}
	v.mu.Unlock()
	v.add(slices.DeleteFunc(found, history.Violation.Undecided)...)
}

// open returns the undecided violations, in the order of the streams' names.
func (v *verdict) open() []history.Violation {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []history.Violation
	for _, stream := range slices.Sorted(maps.Keys(v.undecided)) {
		all = append(all, v.undecided[stream])
	}
	return all
}

func (v *verdict) any() bool { return v.number() > 0 }

func (v *verdict) number() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.violations)
}

// alarm reports a violation that does not belong to one stream.
func (r *run) alarm(rule, text string) {
	r.journal.note("VIOLATION %s: %s", rule, text)
	r.verdict.add(history.Violation{Rule: rule, Stream: "-", Text: text})
}

// retired is a stream or a bank that clients have left.
type retired struct {
	name  string
	at    time.Time
	judge func(ctx context.Context, name string) error
}

// settle is how long a retired stream is left alone before it is judged for the first time.
const settle = 4 * time.Second

// retire notes that clients have left the stream or the bank.
func (r *run) retire(name string, judge func(context.Context, string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retired = append(r.retired, retired{name, time.Now(), judge})
}

func (r *run) takeRetired() (retired, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.retired) == 0 || time.Since(r.retired[0].at) < settle {
		return retired{}, false
	}
	first := r.retired[0]
	r.retired = r.retired[1:]
	return first, true
}

// judgeRetired judges streams and banks while the proof goes on, to find violations early. All are
// judged again at the end.
func (r *run) judgeRetired(ctx context.Context) {
	for clock.Wait(ctx, time.Second/4) == nil {
		one, ok := r.takeRetired()
		if !ok {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, healTimeout)
		err := one.judge(bounded, one.name)
		cancel()
		if err == nil { // otherwise brokers are down; the end will tell
			r.count.checked.Add(1)
		}
	}
}

// judgeStream judges a stream that is still in use by those who have been slow.
func (r *run) judgeStream(ctx context.Context, name string) error {
	known := r.rec.Stream(name)
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	log := r.log.Stream(name)
	r.judge(name, asOf(known, r.rec.Stream(name)), log)
	return nil
}

// asOf returns known, and adds the appends that were begun later, with unknown outcome. The log may
// hold what they appended.
func asOf(known, later []history.Op) []history.Op {
	for _, op := range later[len(known):] {
		if op.Kind == history.Append {
			op.Outcome, op.Return = history.Unknown, history.Forever
			known = append(known, op)
		}
	}
	return known
}

func (r *run) judge(name string, ops []history.Op, log []history.Record) {
	owners := r.rec.Owners()
	at := filepath.Join(r.cfg.Dir, name)
	found := history.Check(ops, owners, log, at+".html")
	for _, v := range found {
		if v.Undecided() {
			r.journal.note("UNDECIDED %s", v)
		} else {
			r.journal.note("VIOLATION %s", v)
		}
	}
	if len(found) > 0 {
		if err := history.Save(at+".json", ops, owners, log); err != nil {
			r.journal.note("%v", err)
		}
	}
	r.verdict.judged(name, found)
}

// watchLog finds records that no topic of a sound store holds.
func (r *run) watchLog(ctx context.Context) {
	for clock.Wait(ctx, time.Second/2) == nil {
		r.judgeLog()
	}
}

func (r *run) judgeLog() {
	for _, t := range r.topics {
		if bad := t.tail.Bad(); len(bad) > 0 {
			r.alarm(ruleClean, fmt.Sprintf("%d records are no events, the first: %s", len(bad), bad[0]))
		}
		if late := t.read.Late(); len(late) > 0 {
			r.alarm(ruleTimes, fmt.Sprintf("%d times, the first: %s partition %d offset %d: %s", len(late), t.name,
				late[0].Partition, late[0].Offset, late[0].Why))
		}
	}
	strays := r.strays()
	if len(strays) == 0 || r.cfg.Faults.Forgetting || r.cfg.Prefixes > 1 {
		// brokers that forget epochs, or never knew them, let strays in; strays must not count, and
		// history.Check checks that
		return
	}
	s := strays[0]
	r.alarm(ruleClean, fmt.Sprintf("%d records do not count, the first: partition %d offset %d, "+
		"%s version %d event %s: %s",
		len(strays), s.Partition, s.Offset, s.Stream, s.Version, s.Event, s.Why))
}

// judgeAll compares the whole topic with all answers that clients got.
func (r *run) judgeAll(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	if err := r.catchUp(bounded); err != nil {
		return fmt.Errorf("%w: %w", errNotCaughtUp, err)
	}
	r.judgeLog()
	var group errgroup.Group
	group.SetLimit(judgesAtOnce())
	asked := make(map[string]bool)
	for _, name := range r.rec.Streams() {
		asked[name] = true
		group.Go(func() error {
			r.judge(name, r.rec.Stream(name), r.log.Stream(name))
			return nil
		})
	}
	for _, name := range r.log.Streams() {
		if !asked[name] {
			r.alarm(history.RuleOrigin, "the topic holds stream "+name+", which no client has asked for")
		}
	}
	r.judgeBanks()
	return group.Wait()
}
