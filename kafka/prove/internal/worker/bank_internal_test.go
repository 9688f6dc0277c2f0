package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/topic"
)

// The dimensions of a test with banks.
const (
	banks    = 2
	clients  = 6
	orders   = 120 // of each client in a round
	atOnce   = 8   // orders of a client
	patience = time.Minute
)

// bankers are clients of the banks of one store at a time, on fake brokers and without faults.
type bankers struct {
	settings Settings
	now      func() int64
	server   *server
	recorder *bank.Recorder
	log      *bank.Log
	tail     *topic.Tail
	seed     uint64
	rounds   int
	stores   []history.Opening

	mu    sync.Mutex
	known [banks]bank.Known
}

// theBankers are bankers of stores that do not keep the rules.
func theBankers(t *testing.T, rules broken.Rules) *bankers {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	begun := time.Now()
	now := func() int64 { return int64(time.Since(begun)) }
	logger := slog.New(slog.DiscardHandler)
	b := &bankers{
		settings: Settings{
			Brokers: c.ListenAddrs(), TopicPrefix: "test", ClaimPrefix: "test", Partitions: 1, BankPartitions: 1,
			RequestTimeout: patience, ClaimRenewal: time.Hour, QuietTime: time.Hour, Broken: rules,
		},
		now: now, server: &server{ctx: context.WithoutCancel(t.Context()), logger: logger, store: -1},
		recorder: bank.NewRecorder(now), log: bank.NewLog(), seed: rand.Uint64(),
	}
	t.Logf("seed %d", b.seed)
	t.Cleanup(func() { b.server.close() })
	kafkatest.Topics(t, b.settings.config(logger))
	name := topics.Name(b.settings.TopicPrefix, bank.Category)
	b.tail, err = topic.Follow(t.Context(), b.settings.Brokers, name, b.settings.BankPartitions, b.log)
	require.NoError(t, err)
	t.Cleanup(b.tail.Close)
	return b
}

// round opens another store, lets all clients work with new banks, and returns the violations.
func (b *bankers) round(t *testing.T) (found []history.Violation) {
	t.Helper()
	call := b.now()
	a := b.server.do(&Request{Order: Open, Store: b.rounds, Timeout: patience, Open: &b.settings})
	require.Empty(t, a.Err)
	b.stores = append(b.stores, history.Opening{Call: call, Return: b.now(), Opened: true})
	for n := range banks {
		if b.rounds%2 == 0 { // two stores for each bank
			b.known[n] = bank.Known{Bank: fmt.Sprintf("bank-%d-%d", b.rounds, n)}
		}
	}
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() { b.work(rand.New(rand.NewPCG(b.seed, uint64(b.rounds*clients+n))), b.rounds*clients+n) })
	}
	group.Wait()
	b.rounds++
	require.NoError(t, b.tail.CatchUp(t.Context()))
	require.Empty(t, b.tail.Bad())
	for _, stray := range b.log.Strays() {
		found = append(found, history.Violation{Rule: "strays", Text: stray.Why})
	}
	for _, late := range b.log.Late() {
		found = append(found, history.Violation{Rule: "times", Text: late.Why})
	}
	for n := range banks {
		name := b.known[n].Bank
		h := &bank.History{Bank: name, Ops: b.recorder.Bank(name), Log: b.log.Bank(name), Stores: b.stores}
		found = append(found, bank.Check(h).Violations...)
	}
	return found
}

// work gives the orders of one client, some at once.
func (b *bankers) work(rng *rand.Rand, n int) {
	drawer := bank.NewDrawer(rng, n)
	for given := 0; given < orders; {
		var group sync.WaitGroup
		for range 1 + rng.IntN(atOnce) {
			which := rng.IntN(banks)
			b.mu.Lock()
			k := b.known[which].Copy()
			k.Neighbour = b.known[1-which].Bank
			b.mu.Unlock()
			op := b.recorder.Begin(bank.Op{Client: n, Store: b.rounds, Order: drawer.Draw(k)})
			given++
			group.Go(func() {
				a := b.server.do(&Request{Order: Bank, Store: op.Store, Timeout: patience, Bank: &op})
				b.recorder.End(*a.Bank)
				b.mu.Lock()
				defer b.mu.Unlock()
				b.known[which].Learn(a.Bank)
			})
		}
		group.Wait()
	}
}

// A store without faults fulfils what the judge of the banks demands. Every kind of order is given,
// and every kind of answer comes.
func TestBanksOfASoundStore(t *testing.T) {
	b := theBankers(t, broken.Rules{})
	for range 4 {
		require.Empty(t, b.round(t))
	}
	kinds, outcomes := make(map[bank.Kind]bool), make(map[bank.Outcome]bool)
	for _, name := range b.recorder.Banks() {
		for _, op := range b.recorder.Bank(name) {
			kinds[op.Order.Kind], outcomes[op.Outcome] = true, true
			require.NotEqual(t, bank.Failed, op.Outcome, op.String())
		}
	}
	require.Len(t, kinds, int(bank.Ask)+1)
	require.Len(t, outcomes, int(bank.Told)+1-len([]bank.Outcome{bank.Unknown, bank.Failed}))
}

// Stores that are broken on purpose are caught by a rule that they break, also without faults.
func TestBanksOfBrokenStores(t *testing.T) {
	const most = 100 // rounds
	for name, c := range map[string]struct {
		rules broken.Rules
		by    []string
	}{
		"NoVersionCheck": {broken.Rules{NoVersionCheck: true}, []string{bank.RuleExpected}},
		"ReadsUnchecked": {
			broken.Rules{ReadsUnchecked: true}, []string{bank.RuleExpected, bank.RulePair, bank.RuleFrozen},
		},
		"CommandsUnchecked": {broken.Rules{CommandsUnchecked: true}, []string{bank.RuleExpected}},
		"TornReads":         {broken.Rules{TornReads: true}, []string{bank.RuleTorn, bank.RuleMoment}},
		"HalfCommits":       {broken.Rules{HalfCommits: true}, []string{"strays", bank.RuleTorn, bank.RuleMoment}},
		"DigestsIgnored":    {broken.Rules{DigestsIgnored: true}, []string{bank.RuleCommand}},
		"TimesGoBack":       {broken.Rules{TimesGoBack: true}, []string{"times"}},
		"KeysUnchecked":     {broken.Rules{KeysUnchecked: true}, []string{bank.RuleKey}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := theBankers(t, c.rules)
			for range most {
				found := b.round(t)
				if len(found) == 0 {
					continue
				}
				i := slices.IndexFunc(found, func(v history.Violation) bool { return slices.Contains(c.by, v.Rule) })
				require.GreaterOrEqual(t, i, 0, "caught by %s", found)
				t.Logf("caught in round %d: %s", b.rounds, found[i])
				return
			}
			require.Fail(t, "not caught")
		})
	}
}
