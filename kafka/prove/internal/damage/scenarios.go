package damage

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
)

// scenario is a kind of damage.
type scenario struct {
	name       string
	configure  func(*kafka.Config)
	damage     func(context.Context, *trial) error // an error says why it could not be done
	survivable bool                                // nothing is lost: every store must go on
	// every reader of the log sees that something is missing, also one with an empty index
	shows bool
	grows bool // the topic has more partitions afterwards
}

// scenarios returns all of them.
func scenarios() []scenario {
	return []scenario{
		{name: "disks-restored", damage: restoreDisks},
		{name: "compacted", damage: compact, shows: true, configure: func(cfg *kafka.Config) {
			cfg.CheckEvery = time.Second / 10 // each look finds missing records by some chance: see sayWithin
		}},
		{name: "beginning-deleted", damage: deleteBeginning, shows: true},
		{name: "unclean-election", damage: electUnclean, configure: func(cfg *kafka.Config) {
			cfg.Topics.ReplicationFactor, cfg.Topics.MinInSyncReplicas = 2, 1
		}},
		{name: "foreign-transactions", damage: foreignTransactions, survivable: true},
		{name: "foreign-producers", damage: foreignProducers, survivable: true},
		{name: "topic-grown", damage: grow, grows: true},
	}
}

// Names returns the names of all scenarios.
func Names() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// named returns the scenarios of these names, or all if there are none.
func named(names []string) ([]scenario, error) {
	all := scenarios()
	if names == nil {
		return all, nil
	}
	var some []scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("found %q, expected one of %s", name, strings.Join(Names(), ", "))
		}
		some = append(some, all[i])
	}
	return some, nil
}

// restoreDisks puts the disks back to their state some operations ago.
func restoreDisks(ctx context.Context, t *trial) error {
	saved := filepath.Join(t.dir, "disks")
	if err := t.restart(ctx, func() error { return t.cluster.SaveDisks(saved) }); err != nil {
		return err
	}
	if err := t.again(ctx, func() error { return t.append(ctx, t.owner, stream(0)) }); err != nil {
		return err
	}
	if err := t.work(ctx, 5+t.rng.IntN(30)); err != nil {
		return err
	}
	t.sleep()
	if err := t.restart(ctx, func() error { return t.cluster.RestoreDisks(saved) }); err != nil {
		return err
	}
	return t.mustLose(ctx)
}

// again does something until it succeeds, while brokers come back.
func (t *trial) again(ctx context.Context, do func() error) error {
	bounded, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for {
		err := do()
		if err == nil || clock.Wait(bounded, pollEvery) != nil {
			return err
		}
	}
}

// mustLose fails if nothing is gone.
func (t *trial) mustLose(ctx context.Context) error {
	if err := t.consume(ctx); err != nil {
		return err
	}
	if !t.lost() {
		return errNoDamage
	}
	return nil
}

// compactWithin bounds the wait for the brokers' cleaner.
const compactWithin = 60 * time.Second

// compact lets the brokers compact the topic until events are gone, and then no more.
func compact(ctx context.Context, t *trial) error {
	set := map[string]string{
		"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.0", "segment.ms": "100",
		"min.compaction.lag.ms": "0",
	}
	if err := t.alter(ctx, set); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, compactWithin)
	defer cancel()
	for lost := false; !lost; {
		for n := range streams { // a later record closes a segment, and an open segment is not compacted
			_ = t.append(ctx, t.owner, stream(n)) // the owner may have noticed
		}
		if err := clock.Wait(bounded, time.Second/2); err != nil {
			return errNoDamage
		}
		if err := t.consume(ctx); err != nil {
			return err
		}
		lost = t.lost()
	}
	t.sleep()
	back := map[string]string{"cleanup.policy": "delete"}
	for name := range set {
		if _, ok := back[name]; !ok {
			back[name] = ""
		}
	}
	return t.alter(ctx, back)
}

// deleteBeginning deletes the first half of each partition.
func deleteBeginning(ctx context.Context, t *trial) error {
	t.sleep()
	if err := t.deleteRecords(ctx, func(end int64) int64 { return end / 2 }); err != nil {
		return err
	}
	return t.mustLose(ctx)
}

// electUnclean makes a lagging replica the leader of a partition, while no broker with the last
// records runs.
func electUnclean(ctx context.Context, t *trial) error {
	if err := t.alter(ctx, map[string]string{"unclean.leader.election.enable": "true"}); err != nil {
		return err
	}
	s := stream(t.rng.IntN(streams))
	partition := t.placed[s]
	leader, other, err := t.replicas(ctx, partition)
	if err != nil {
		return err
	}
	if err := t.cluster.Kill(other); err != nil {
		return err
	}
	err = t.again(ctx, func() error { return t.append(ctx, t.owner, s) }) // when the other is out of sync
	for range 5 + t.rng.IntN(10) {
		if err == nil {
			err = t.append(ctx, t.owner, s)
		}
	}
	t.sleep()
	if killed := t.cluster.Kill(leader); err == nil {
		err = killed
	}
	if back := t.restartOne(ctx, other); err == nil {
		err = back
	}
	if err == nil {
		err = t.elect(ctx, partition, other)
	}
	if back := t.restartOne(ctx, leader); err == nil {
		err = back
	}
	if err != nil {
		return err
	}
	if err := t.alter(ctx, map[string]string{"unclean.leader.election.enable": "false"}); err != nil {
		return err
	}
	return t.mustLose(ctx)
}

// grow gives the topic more partitions.
func grow(ctx context.Context, t *trial) error {
	t.sleep()
	return t.createPartitions(ctx, grown)
}
