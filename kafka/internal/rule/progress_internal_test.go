package rule

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A slow reading is logged every few seconds, also if it is of few offsets. A quick reading is not.
func TestProgressIsToldByTime(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	now := time.Unix(1, 0)
	p := newProgress(&Config{Logger: logger, Topic: "t", Partition: 3})
	p.now = func() time.Time { return now }
	for second := range 12 { // a slow rebuild of few offsets
		p.read(int64(second), 12)
		now = now.Add(time.Second)
	}
	p.read(12, 12)
	for offset := range int64(2_000_000) { // a quick one of many
		if offset%1_000 == 0 {
			p.read(offset, 2_000_000)
		}
	}
	p.read(2_000_000, 2_000_000)
	now = now.Add(time.Hour)
	p.read(2_000_001, 2_000_001) // at the end it is silent for ever
	require.Equal(t, []string{
		`msg="catching up" topic=t partition=3 offset=5 end=12`,
		`msg="catching up" topic=t partition=3 offset=10 end=12`, `msg="caught up" topic=t partition=3 offset=12`,
	}, strings.Split(strings.TrimSpace(out.String()), "\n"))
}
