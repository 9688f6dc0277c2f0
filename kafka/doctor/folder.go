package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/internal/index"
)

// folder looks at the folder of the index. The index has the topics' ids, so folder looks only if
// the topics are known.
func (d *diagnosis) folder(ctx context.Context, topicsKnown bool) {
	const check = "index"
	if d.cfg.IndexDir == "" {
		d.ok(check, "in memory: made from Kafka at every start (KAFKA_INDEX_DIR names a folder)")
		return
	}
	if !topicsKnown {
		d.skip(check, "topics are missing or cannot be described")
		return
	}
	ids, err := d.client.IDs(ctx, d.cfg.Topics.Names())
	if err != nil {
		d.failed(check, err)
		return
	}
	id := index.Identity{ClusterID: ids.Cluster, Topics: make(map[string]index.Topic)}
	for _, g := range d.cfg.Topics.Categories {
		topic := d.cfg.Topics.NameOf(g.Name)
		id.Topics[topic] = index.Topic{
			ID: ids.Topics[topic], Partitions: g.Partitions, PartitionKey: g.PartitionKey,
		}
	}
	found, err := index.Inspect(d.cfg.IndexDir, id, d.cfg.Logger)
	var unusable *index.UnusableError
	switch {
	case errors.As(err, &unusable):
		d.wrong(check, "folder "+unusable.Dir+": "+unusable.Found, unusable.Do)
	case err != nil:
		d.failed(check, err)
	case found.InUse:
		d.add(check, Warning, "folder "+d.cfg.IndexDir+" is in use by another process",
			"if that is this service, all is well; if not, give each instance a folder of its own")
	case found.New:
		d.ok(check, "folder %s has no index yet: the first start makes it", d.cfg.IndexDir)
	case found.Outdated:
		d.ok(check, "folder %s has an index of another format: the next start makes it again", d.cfg.IndexDir)
	default:
		d.ok(check, "folder %s has the index of this cluster, %s", d.cfg.IndexDir, megabytes(found.UsedBytes))
	}
	if err != nil {
		return
	}
	if found.FreeBytes < leastFree {
		d.add(check, Warning, fmt.Sprintf("%s are free on the disk of folder %s, expected %s or more",
			megabytes(found.FreeBytes), d.cfg.IndexDir, megabytes(leastFree)),
			"make room, or name a folder on another disk")
		return
	}
	d.ok(check, "%s are free on its disk", megabytes(found.FreeBytes))
}

// leastFree is the room that an index needs to grow and to rearrange its files.
const leastFree = 1 << 30

func megabytes(n uint64) string { return fmt.Sprintf("%d MB", n>>20) }
