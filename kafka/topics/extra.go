package topics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/kafka/internal/client"
)

// extra looks at the partitions of a topic beyond those that are wanted. Kafka can add partitions
// and cannot take them away. So partitions that somebody has added may exist as long as nobody has
// written to them. Markers are no records: a service that was configured with the larger number,
// and refused, has left some.
func extra(ctx context.Context, c *client.Client, t *Status, found int32) error {
	if found <= t.Partitions {
		return nil
	}
	var used []string
	for p := t.Partitions; p < found; p++ {
		why, err := c.Used(ctx, t.Name, p)
		var unseen *client.UnseenError
		if errors.As(err, &unseen) {
			why, err = unseen.Error(), nil // it may hold records
		}
		if err != nil {
			return fmt.Errorf("look for records in partition %d of topic %s: %w", p, t.Name, err)
		}
		if why != "" {
			used = append(used, fmt.Sprintf("partition %d %s", p, why))
		}
	}
	if len(used) == 0 {
		t.Extra = found - t.Partitions
		return nil
	}
	t.Differences = append([]Difference{{
		Property: PartitionCount,
		Found:    fmt.Sprintf("%d (%s)", found, strings.Join(used, ", ")), Want: strconv.Itoa(int(t.Partitions)),
	}}, t.Differences...)
	return nil
}
