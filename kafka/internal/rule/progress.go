package rule

import (
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// progressEvery is the time between two lines about a partition that is not read to its end yet. If
// the reading takes less, there is no line.
const progressEvery = 5 * time.Second

// progress logs reading that takes long, by time and not by offsets. A service that starts with
// many partitions of moderate size should not be silent for minutes.
type progress struct {
	now    func() time.Time
	logger *slog.Logger
	told   time.Time // the last line, or the beginning; zero if the end is reached
	lines  int       // since the beginning
}

func newProgress(cfg *Config) progress {
	return progress{now: clock.Reading, logger: cfg.Logger.With("topic", cfg.Topic, "partition", cfg.Partition)}
}

// begin is called before reading begins.
func (p *progress) begin() { p.told, p.lines = time.Time{}, 0 }

// read is called when everything before next was read. The partition ends at end.
func (p *progress) read(next, end int64) {
	now := p.now()
	behind := next < end
	switch {
	case behind && p.told.IsZero():
		p.told = now
	case behind && now.Sub(p.told) >= progressEvery:
		p.logger.Info("catching up", "offset", next, "end", end)
		p.told = now
		p.lines++
	case !behind:
		if p.lines > 0 {
			p.logger.Info("caught up", "offset", next)
		}
		p.begin()
	}
}
