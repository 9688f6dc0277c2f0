package eventstoretest_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// TestMain stops rapid from shortening the failures that these tests want, and from keeping them
// for later.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "0s"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	goleak.VerifyTestMain(m)
}

// recorder is a test that fails without failing.
type recorder struct {
	ctx  context.Context //nolint:containedctx // a test has one: see testing.T.Context
	name string

	mu              sync.Mutex
	failed, skipped bool
	log             []string
	cleanups        []func()
}

var _ eventstoretest.Test = (*recorder)(nil)

func (r *recorder) Helper()                  {}
func (r *recorder) Name() string             { return r.name }
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Log(args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintln(args...))
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) SkipNow() {
	r.mu.Lock()
	r.skipped = true
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *recorder) Logf(format string, args ...any)   { r.Log(fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.Log(args...); r.Fail() }
func (r *recorder) Errorf(format string, args ...any) { r.Logf(format, args...); r.Fail() }
func (r *recorder) Fatal(args ...any)                 { r.Log(args...); r.FailNow() }
func (r *recorder) Fatalf(format string, args ...any) { r.Logf(format, args...); r.FailNow() }
func (r *recorder) Skip(args ...any)                  { r.Log(args...); r.SkipNow() }
func (r *recorder) Skipf(format string, args ...any)  { r.Logf(format, args...); r.SkipNow() }

func (r *recorder) text() string { return strings.Join(r.log, "") }

// record runs one check, and returns what it said.
func record(t *testing.T, check string, open func() eventstore.Store, cfg eventstoretest.Config) *recorder {
	t.Helper()
	return recorded(t, func(r *recorder) { eventstoretest.RunCheck(r, check, open, cfg) })
}

func recorded(t *testing.T, run func(*recorder)) *recorder {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &recorder{ctx: ctx, name: t.Name()}
	var group sync.WaitGroup
	group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				r.Error("panic:", v)
			}
		}()
		run(r)
	})
	group.Wait()
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	return r
}

func good(t *testing.T) *memory.Store {
	t.Helper()
	store, err := memory.New(memory.Config{
		Categories: []string{"Account", "Transaction", "One", "Ledger", "Book"},
		PartitionKeys: map[string]eventstore.PartitionKey{
			"Ledger": eventstore.BeforeSlash, "Book": eventstore.BeforeSlash,
		},
	})
	require.NoError(t, err)
	return store
}

// TestRunBrokenStores breaks a good store in one way at a time. Without the break the same check
// passes, so the check sees the break.
func TestRunBrokenStores(t *testing.T) {
	t.Parallel()
	for _, m := range mutants() {
		for _, check := range m.caughtBy {
			t.Run(m.name+": "+check, func(t *testing.T) {
				t.Parallel()
				require.Contains(t, eventstoretest.CheckNames(), check)
				tries := 1
				if m.races {
					tries = 5
				}
				var r *recorder
				for i := 0; i < tries && (r == nil || !r.Failed()); i++ {
					store := newWrapped(good(t))
					m.breaks(store)
					r = record(t, check, func() eventstore.Store { return store.opened() }, m.config)
				}
				require.True(t, r.Failed(), "not caught; the check said:\n%s", r.text())
				t.Log(r.text())
			})
		}
	}
}

// TestRunGoodStore runs each check on its own, as TestRunBrokenStores does.
func TestRunGoodStore(t *testing.T) {
	t.Parallel()
	for _, check := range eventstoretest.CheckNames() {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			for _, cfg := range []eventstoretest.Config{
				{}, {Categories: []string{"Account"}}, {Ledgers: "Book"}, {Durable: true},
			} {
				store := newWrapped(good(t))
				r := record(t, check, func() eventstore.Store { return store.opened() }, cfg)
				require.False(t, r.Failed(), r.text())
				require.False(t, r.skipped, r.text())
			}
		})
	}
}

// TestRunEveryCheckFails fails unless each check catches a broken store.
func TestRunEveryCheckFails(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, m := range mutants() {
		for _, check := range m.caughtBy {
			seen[check] = true
		}
	}
	for _, check := range eventstoretest.CheckNames() {
		require.True(t, seen[check], "no broken store is caught by the check %q", check)
	}
}
