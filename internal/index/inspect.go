package index

import (
	"errors"
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

// Inspect looks at the folder without changing anything. It fails with an *[UnusableError] where
// [Open] would, unless the folder is in use.
func Inspect(dir string, id Identity, logger *slog.Logger) (Inspection, error) {
	return inspect(vfs.Default, dir, id, logger)
}

func inspect(fs vfs.FS, dir string, id Identity, logger *slog.Logger) (Inspection, error) {
	free, err := room(fs, dir)
	if err != nil {
		return Inspection{}, err
	}
	found := Inspection{FreeBytes: free}
	if _, err := fs.Stat(dir); errors.Is(err, os.ErrNotExist) {
		found.New = true
		return found, nil
	}
	state, err := stateOf(fs, dir)
	if err != nil || state == folderIsNew {
		found.New = err == nil
		return found, err
	}
	if _, err := fs.Stat(fs.PathJoin(dir, lockFile)); errors.Is(err, os.ErrNotExist) {
		found.New = true // marked, and never used: to lock it would make a file
		return found, nil
	}
	lock, err := lockFolder(fs, dir)
	if errors.Is(err, errInUse) {
		found.InUse = true
		return found, nil
	}
	if err != nil {
		return found, err
	}
	defer func() { _ = lock.Close() }()
	if found.UsedBytes, err = used(fs, dir); err != nil || state == folderIsOutdated {
		found.Outdated = err == nil
		return found, err
	}
	return found.readFrom(dir, id, &pebble.Options{
		FS: fs, ReadOnly: true, Lock: lock, Comparer: comparer(), Logger: quiet{logger}, EventListener: listener(logger),
	})
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
	kept, err := (&Store{db: db}).load()
	switch {
	case err != nil:
		return found, unusable(dir, err)
	case kept == nil:
		found.New = true
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

// used returns the length of all files in the folder.
func used(fs vfs.FS, dir string) (n uint64, err error) {
	names, err := fs.List(dir)
	for _, name := range names {
		info, failed := fs.Stat(fs.PathJoin(dir, name))
		if failed != nil {
			continue // it has just gone
		}
		n += uint64(info.Size())
	}
	return n, err
}

// room returns the bytes that are free on the disk of the folder, or of the first above it that
// exists.
func room(fs vfs.FS, dir string) (uint64, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	for {
		usage, err := fs.GetDiskUsage(at)
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
