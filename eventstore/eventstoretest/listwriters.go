package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
)

const (
	listsPerWriter = 6
	cancelledLists = 5
	cancelledKeys  = 3
	cancelledList  = 300
)

// listsAmidOthers lets writers append lists and single commits to the same streams. The history
// that is left must hold what succeeded, and nothing else.
func (s *suite) listsAmidOthers(ctx context.Context, t test) {
	t.Helper()
	l := s.ledger()
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		wins     []wonCommit
		failures []error
	)
	drafts := make([][]eventstore.Commit, writers) // records are made by one goroutine
	for n := range drafts {
		for range listsPerWriter {
			drafts[n] = append(drafts[n], s.draft(l)...)
		}
	}
	for n, all := range drafts {
		group.Go(func() {
			length := len(all) / listsPerWriter
			for ; len(all) > 0; all = all[length:] {
				won, err := s.appendDraft(ctx, all[:length], n%2 == 0)
				mu.Lock()
				wins, failures = append(wins, won...), append(failures, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	must(t, "a list amid other writers", errors.Join(failures...))
	s.holdsCommits(ctx, t, "after lists of several writers", l, wins)
}

// draft returns commits that build on one another. The versions that they expect count from the end
// of their stream on, as it will be when they are appended.
func (s *suite) draft(l ledger) []eventstore.Commit {
	a, b, c := l.stream("a"), l.stream("b"), l.stream("c")
	return []eventstore.Commit{
		eventstore.To(a, 0, s.records(2, "")...), eventstore.To(a, 2, s.records(1, "")...),
		s.over(3, b, c), eventstore.To(b, eventstore.Any, s.records(1, "")...),
		eventstore.To(a, eventstore.Any, s.records(1, "")...),
	}
}

// appendDraft appends commits that build on the stream of the first as it is now: as one list, or
// one after the other. It returns those that succeeded.
func (s *suite) appendDraft(
	ctx context.Context, commits []eventstore.Commit, asList bool,
) (wins []wonCommit, err error) {
	history, err := collect(s.store.ReadStream(ctx, commits[0].Stream(), 1))
	if err != nil {
		return nil, err
	}
	for i := range commits {
		for j := range commits[i].Expect {
			if e := &commits[i].Expect[j]; e.Version != eventstore.Any {
				e.Version += eventstore.Expected(len(history))
			}
		}
	}
	var answers []eventstore.Answer
	if asList {
		answers = s.store.AppendEach(ctx, commits)
	} else {
		for _, c := range commits {
			r, err := s.store.Append(ctx, c)
			answers = append(answers, eventstore.Answer{Result: r, Err: err})
		}
	}
	if len(answers) != len(commits) {
		return nil, fmt.Errorf("%d answers to %d commits", len(answers), len(commits))
	}
	for i, a := range answers {
		switch n := len(wins); {
		case errors.Is(a.Err, eventstore.ErrConflict) && len(commits[i].Expect) > 0:
		case a.Err != nil:
			return nil, a.Err
		case n > 0 && wins[n-1].result.Position.Offset >= a.Result.Position.Offset:
			return nil, fmt.Errorf("commit %d of a list stands at %s, and an earlier one at %s", i+1,
				a.Result.Position, wins[n-1].result.Position)
		case !commits[i].ExpectationOf(commits[i].Stream()).Version.Met(a.Result.First() - 1):
			return nil, fmt.Errorf("a commit that expects version %d is stored at %d",
				commits[i].ExpectationOf(commits[i].Stream()).Version, a.Result.First())
		default:
			wins = append(wins, wonCommit{commits[i], a.Result})
		}
	}
	return wins, nil
}

// listUntilCancelled ends the context of a list as soon as its first commit is stored. Of each
// partition key the first commits are stored then, and nothing of those that were told that they
// failed.
func (s *suite) listUntilCancelled(ctx context.Context, t test) {
	t.Helper()
	var keys [cancelledKeys]ledger
	for k := range keys {
		keys[k] = s.ledger()
	}
	list := make([]eventstore.Commit, cancelledList)
	for i := range list {
		list[i] = s.over(1, keys[i%cancelledKeys].stream("a"))
	}
	last := make([]eventstore.Commit, cancelledKeys)
	for k, l := range keys {
		last[k] = s.over(1, l.stream("a"))
	}
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	over := make(chan struct{})
	group.Go(func() {
		for {
			stored, err := collect(s.store.ReadStream(ctx, list[0].Stream(), 1))
			select {
			case <-over:
				return
			default:
			}
			if len(stored) > 0 || err != nil {
				cancel()
				return
			}
		}
	})
	answers := s.store.AppendEach(cancelled, list)
	close(over)
	group.Wait()
	if len(answers) != len(list) {
		fatal(t, "a list whose context ends has not an answer for each commit", len(answers))
	}
	for k, l := range keys {
		s.commit(ctx, t, last[k]) // behind all that is under way
		found := s.load(ctx, t, l.stream("a"))
		found = found[:len(found)-1]
		for n, r := range found {
			if i := n*cancelledKeys + k; i >= len(list) || r.ID != list[i].Records[0].ID {
				fatal(t, "a list whose context ends is not stored from its beginning on", n, len(found))
			}
		}
		for i := k; i < len(list); i += cancelledKeys {
			toldTruth(t, answers[i].Err, i/cancelledKeys < len(found))
		}
	}
}

// toldTruth fails unless the answer to a commit fits what became of it. The context of its list may
// have ended.
func toldTruth(t test, err error, stored bool) {
	t.Helper()
	switch unknown := errors.Is(err, eventstore.ErrOutcomeUnknown); {
	case err == nil && !stored:
		fatal(t, "a commit of a list is acknowledged and not stored")
	case err != nil && !unknown && stored:
		fatal(t, "a commit of a list is stored and said to have failed", err)
	case err != nil && !errors.Is(err, context.Canceled):
		fatal(t, "a commit of a list whose context has ended does not fail with its error", err)
	}
}
