package fencelogcli

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// openReader opens a store that claims nothing, and tells how far it has read if that takes long.
// It does not use the folder of the service's index, which is the service's alone.
func (t *tool) openReader(ctx context.Context, indexDir string, categories ...topics.Category) (*kafka.Store, error) {
	cfg, err := t.kafka(categories...)
	if err != nil {
		return nil, err
	}
	var far progress
	cfg.IndexDir, cfg.Hooks.Read = indexDir, far.read
	names := strings.Join(topicNames(cfg), ", ")
	defer t.telling(func() string { return "reading " + names + far.String() })()
	return kafka.Open(ctx, cfg)
}

func topicNames(cfg kafka.Config) []string {
	complete, err := cfg.Topics.Complete()
	if err != nil { // which Open reports
		return nil
	}
	return complete.Names()
}

// progress is how far the partitions were read. Any number of goroutines may use it.
type progress struct {
	mu         sync.Mutex
	partitions map[string]kafka.Read // those that were read from
}

func (p *progress) read(r kafka.Read) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.partitions == nil {
		p.partitions = make(map[string]kafka.Read)
	}
	p.partitions[fmt.Sprintf("%s/%d", r.Topic, r.Partition)] = r
}

// String returns how far that is, or nothing before the first fetch.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var next, end int64
	for _, r := range p.partitions {
		next += r.Next
		end += r.End
	}
	if len(p.partitions) == 0 {
		return ""
	}
	return fmt.Sprintf(": %d of %d offsets", next, end)
}
