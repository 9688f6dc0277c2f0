package proof

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/fencelog/fencelog/kafka/prove/internal/damage"
)

// Parts returns the parts of the whole proof. They take the place of a configuration that names no
// faults:
//   - processes that also fence one another through the coordinator, for three fifths of the time;
//   - processes with two prefixes, which only the log keeps apart, for a fifth;
//   - damage to the log itself, for the rest.
func Parts(cfg Config) []Config {
	first, second, third := cfg, cfg, cfg
	first.Duration, first.Dir = cfg.Duration*3/5, part(cfg.Dir, "one-prefix")
	second.Duration, second.Dir, second.Prefixes = cfg.Duration/5, part(cfg.Dir, "two-prefixes"), 2
	first.Require = []string{"broker", "process", "connections", "answer", "marker", "refusals"}
	second.Require = append(slices.Clone(first.Require), "batch held back past a takeover")
	third.Duration, third.Dir, third.Faults = cfg.Duration/5, part(cfg.Dir, "damage"), Faults{Log: true}
	return []Config{first, second, third}
}

// part returns the folder of a part, if the proof has a folder.
func part(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

// hurtLog runs the scenarios that hurt the log itself.
func hurtLog(ctx context.Context, cfg Config) (*Report, error) {
	found, err := damage.Run(ctx, damage.Config{
		Kafka: cfg.Kafka, Seed: cfg.Seed, Duration: cfg.Duration, Dir: cfg.Dir, Names: cfg.Damage, Broken: cfg.Broken,
		Progress: cfg.Progress,
	})
	if err != nil {
		return nil, err
	}
	return &Report{
		Kafka: cfg.Kafka, Seed: cfg.Seed, Duration: cfg.Duration, Broken: Names(cfg.Broken),
		Damage: found, Violations: found.Violations, Dir: cfg.Dir,
	}, nil
}
