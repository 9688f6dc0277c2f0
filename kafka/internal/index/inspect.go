package index

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Inspection is what a look at a folder showed.
type Inspection struct {
	New       bool   // there is no index in it yet
	InUse     bool   // a process has it open, so nothing more can be known
	Outdated  bool   // of another format: it would be made again
	UsedBytes uint64 // by the index
	FreeBytes uint64 // on its disk, for this process
}

// Inspect looks at the folder without changing anything. It fails with an *[UnusableError] where [Open] would, unless
// the folder is in use.
func Inspect(dir string, id Identity, logger *slog.Logger) (Inspection, error) {
	free, err := room(dir)
	if err != nil {
		return Inspection{}, err
	}
	found := Inspection{FreeBytes: free}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		found.New = true
		return found, nil
	}
	if err != nil {
		return found, &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may read", Err: err}
	}
	if _, err := os.Stat(filepath.Join(dir, markFile)); err != nil {
		return found, &UnusableError{
			Dir: dir, Found: fmt.Sprintf("%d entries and no %s: it is no index", len(entries), markFile), Do: "name an empty folder",
		}
	}
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		found.InUse = true
		return found, nil
	}
	defer func() { _ = lock.Close() }()
	return found.readFrom(dir, id, &pebble.Options{ReadOnly: true, Lock: lock, Logger: quiet{logger}, EventListener: listener(logger)})
}

// readFrom completes the inspection from the database in the folder.
func (found Inspection) readFrom(dir string, id Identity, options *pebble.Options) (Inspection, error) {
	db, err := pebble.Open(dir, options)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		found.New = true // marked, and never used
		return found, nil
	}
	if err != nil {
		return found, unusable(dir, err)
	}
	defer func() { _ = db.Close() }()
	found.UsedBytes = db.Metrics().DiskSpaceUsage()
	kept, err := (&Store{db: db}).load()
	switch {
	case err != nil:
		return found, unusable(dir, err)
	case kept == nil || kept.Format != format:
		found.Outdated = true
		return found, nil
	case kept.Identity.ClusterID != id.ClusterID:
		return found, otherCluster(dir, kept.Identity.ClusterID, id.ClusterID)
	}
	for name, topic := range id.Topics {
		if before, known := kept.Identity.Topics[name]; known && before != topic {
			return found, changed(dir, name, before, topic)
		}
	}
	return found, nil
}

// room returns the bytes that are free on the disk of the folder, or of the first above it that exists.
func room(dir string) (uint64, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	for {
		usage, err := vfs.Default.GetDiskUsage(at)
		if err == nil {
			return usage.AvailBytes, nil
		}
		above := filepath.Dir(at)
		if above == at || !errors.Is(err, os.ErrNotExist) {
			return 0, &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may write to", Err: err}
		}
		at = above
	}
}
