package damage

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// Config says what to run. All fields are required but Names, Broken and Progress.
type Config struct {
	Kafka    string        // version of the brokers
	Seed     uint64        // of all choices
	Duration time.Duration // after which only scenarios that were not run yet begin; the one under way is finished
	Dir      string        // for indexes, copies of disks and the stores' logs
	Names    []string      // of the scenarios, run once each, whatever Duration is. Default: all, over and over
	Broken   broken.Rules
	Progress io.Writer // gets a line for each scenario. Default: nobody
}

// Run runs scenarios until the time is over. The error is about the run itself. The violations that
// it found are in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	order, err := named(cfg.Names)
	if err != nil {
		return nil, fmt.Errorf("damage: %w", err)
	}
	cluster, err := kafkatest.Start(ctx, kafkatest.Config{
		Version: cfg.Kafka, Progress: cfg.Progress,
		Properties: map[string]string{"broker.session.timeout.ms": "3000", "log.cleaner.backoff.ms": "200"},
	})
	if err != nil {
		return nil, fmt.Errorf("damage: %w", err)
	}
	report := newReport(cfg)
	err = rounds(ctx, cfg, cluster, order, report)
	if stopped := cluster.Stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return nil, fmt.Errorf("damage: %w", err)
	}
	return report, nil
}

// rounds runs the scenarios in an order that the seed decides, and then again in another order.
func rounds(ctx context.Context, cfg Config, cluster *kafkatest.Cluster, all []scenario, report *Report) error {
	begun := clock.Reading()
	rng := rand.New(rand.NewPCG(cfg.Seed, 77))
	for n, first := 0, true; ; first = false {
		order := rng.Perm(len(all))
		for _, i := range order {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if cfg.Names == nil && !first && clock.Reading().Sub(begun) >= cfg.Duration {
				return nil
			}
			for range tries {
				n++
				done, err := one(ctx, cfg, cluster, all[i], n, report)
				if err != nil {
					return err
				}
				if done {
					break
				}
			}
		}
		if cfg.Names != nil {
			return nil
		}
	}
}

// tries bounds how often a scenario is begun. A scenario cannot be played if brokers are slow after
// the damage.
const tries = 3

// one runs a scenario, and reports whether it was played to its end. It fails if the next one could
// not run either.
func one(
	ctx context.Context, cfg Config, cluster *kafkatest.Cluster, s scenario, n int, report *Report,
) (done bool, err error) {
	begun := clock.Reading()
	dir := filepath.Join(cfg.Dir, fmt.Sprintf("%d-%s", n, s.name))
	if err := os.RemoveAll(dir); err != nil { // it may be of another run in the same folder
		return false, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	t := newTrial(cfg, cluster, s, n, dir)
	defer t.close()
	undone := t.run(ctx)
	report.add(t, undone)
	outcome := fmt.Sprintf("%d violations", len(t.found))
	if undone != nil {
		outcome = "not done: " + undone.Error()
	}
	fmt.Fprintf(cfg.Progress, "prove: damage %2d, %-22s %5.1f s  %s\n", n, s.name, clock.Reading().Sub(begun).Seconds(),
		outcome)
	for _, v := range t.found {
		fmt.Fprintf(cfg.Progress, "prove:   %s\n", v)
	}
	if len(t.found) == 0 && undone == nil {
		return true, os.RemoveAll(dir)
	}
	return undone == nil, nil
}
