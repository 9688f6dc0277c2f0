package index

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// markFile tells a folder of this package from any other.
const markFile = "FENCELOG-INDEX"

// markText is what the mark of an index of this format says.
func markText() string {
	return fmt.Sprintf("An index of Fencelog, format %d. It can be deleted: it is made again from Kafka.\n", format)
}

// prepare makes the folder, or makes sure that it is an index, and locks it. It empties an index of
// another format.
func prepare(fs vfs.FS, dir string) (*pebble.Lock, error) {
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return nil, &UnusableError{
			Dir: dir, Found: err.Error(), Do: advice(err, "name a folder that this process may write to"), Err: err,
		}
	}
	state, err := stateOf(fs, dir)
	if err == nil && state == folderIsNew {
		err = mark(fs, dir)
	}
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(fs, dir)
	if errors.Is(err, errInUse) {
		return nil, &UnusableError{
			Dir: dir, Found: "another process uses it", Do: "give each instance a folder of its own", Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	if state == folderIsOutdated {
		if err := empty(fs, dir); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	return lock, nil
}

// mark writes the mark, and makes it last.
func mark(fs vfs.FS, dir string) error {
	d := newDisk(dir, fs)
	if f, err := d.Create(fs.PathJoin(dir, markFile), vfs.WriteCategoryUnspecified); err == nil {
		_, err = f.Write([]byte(markText()))
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	if f, err := d.OpenDir(dir); err == nil {
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return d.err()
}

// leastRoom is what one piece of one partition and one memtable take. With less room an index would
// open, and its process would take partitions over from processes that can append. Then the first
// piece to be saved would end it. That would happen at every start, with the folder a little fuller
// each time.
const leastRoom = maxPieceBytes + memTableBytes

// requireRoom fails if next to nothing is free on the disk of the folder. It passes if the system
// does not tell.
func requireRoom(fs vfs.FS, dir string) error {
	usage, err := fs.GetDiskUsage(dir)
	if err != nil || usage.AvailBytes >= leastRoom {
		return nil //nolint:nilerr // a disk that is full shows soon enough
	}
	return &UnusableError{
		Dir: dir, Do: advice(syscall.ENOSPC, ""), Err: syscall.ENOSPC,
		Found: fmt.Sprintf("%d KB are free on its disk, expected %d KB or more", usage.AvailBytes>>10, leastRoom>>10),
	}
}

// errInUse says that the folder is locked.
var errInUse = errors.New("the folder is locked")

// lockFolder locks the folder. It fails with errInUse if it is locked already, here or elsewhere.
func lockFolder(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	var file *iofs.PathError
	switch {
	case err == nil:
		return lock, nil
	case errors.As(err, &file): // of the file that is locked
		return nil, unwritable(dir, "open", lockFile, err)
	default:
		return nil, fmt.Errorf("%w: %w", errInUse, err)
	}
}

// folderState is what a folder holds.
type folderState int

const (
	folderIsNew      folderState = iota // nothing
	folderIsIndex                       // of this format
	folderIsOutdated                    // an index of another format
)

// stateOf tells what the folder holds, or fails if it is no index.
func stateOf(fs vfs.FS, dir string) (folderState, error) {
	entries, err := fs.List(dir)
	if err != nil {
		return 0, &UnusableError{
			Dir: dir, Found: err.Error(), Do: advice(err, "name a folder that this process may read"), Err: err,
		}
	}
	if len(entries) == 0 {
		return folderIsNew, nil
	}
	text, err := readFile(fs, fs.PathJoin(dir, markFile))
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return 0, &UnusableError{
			Dir: dir, Found: err.Error(), Do: advice(err, "name a folder that this process may read"), Err: err,
		}
	}
	if err != nil {
		return 0, &UnusableError{
			Dir: dir, Do: "name an empty folder",
			Found: fmt.Sprintf("%d entries and no %s: it is no index", len(entries), markFile),
		}
	}
	if string(text) != markText() {
		return folderIsOutdated, nil
	}
	return folderIsIndex, nil
}

func readFile(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	return text, errors.Join(err, f.Close())
}

// empty removes the files in the folder of an index of another format, and marks the folder anew in
// the end. It leaves folders in it as they are.
func empty(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return unusable(dir, err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil || !info.Mode().IsRegular() || name == markFile || name == lockFile {
			continue
		}
		if err := fs.Remove(path); err != nil {
			return unwritable(dir, "remove", name, err)
		}
	}
	return mark(fs, dir)
}

// lockFile is Pebble's.
const lockFile = "LOCK"

// unusable is the error of an index that cannot be read.
func unusable(dir string, err error) *UnusableError {
	return &UnusableError{
		Dir: dir, Found: err.Error(), Do: advice(err, "delete it: it is made again from the topics"), Err: err,
	}
}

// UnusableError says why a folder cannot be used as the index, or cannot be used any more because
// its disk has failed. It also says what to do. The next start reads all that the index has not
// saved from the log again.
type UnusableError struct {
	Dir   string
	Found string
	Do    string
	Err   error // may be nil
}

// Error says what was found and what to do.
func (e *UnusableError) Error() string {
	return fmt.Sprintf("index folder %s: %s; %s", e.Dir, e.Found, e.Do)
}

// Unwrap returns the file system's or database's error, if there was one.
func (e *UnusableError) Unwrap() error { return e.Err }
