package rule

import (
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
)

// skipsEvery is the time between two lines about records that do not count. A foreign program may
// write thousands of batches a second.
const skipsEvery = 5 * time.Second

// skips logs records that do not count. It logs the first at once, and those that follow in one
// line every skipsEvery.
type skips struct {
	now    func() time.Time
	logger *slog.Logger
	told   time.Time // the last line
	first  index.Range
	why    string // of the first range: why it does not count
	ranges int    // since the last line
	count  int
	end    int64
}

func newSkips(cfg *Config) skips {
	return skips{now: clock.Reading, logger: cfg.Logger.With("topic", cfg.Topic, "partition", cfg.Partition)}
}

// add takes note of a range.
func (s *skips) add(r index.Range, why func() string) {
	if s.ranges == 0 {
		s.first, s.why = r, why()
	}
	s.ranges++
	s.count += r.Length
	s.end = r.End()
}

// tell writes a line if there is something to tell and the last line is long enough ago. If last is
// true, it does not look at the time.
func (s *skips) tell(last bool) {
	if s.ranges == 0 {
		return
	}
	now := s.now()
	if !last && !s.told.IsZero() && now.Sub(s.told) < skipsEvery {
		return
	}
	s.logger.Warn("records do not count and are skipped", "offset", s.first.Offset, "end", s.end, "records", s.count,
		"ranges", s.ranges, "why", s.why)
	s.told, s.ranges, s.count = now, 0, 0
}
