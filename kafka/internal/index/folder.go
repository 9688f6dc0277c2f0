package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// markFile tells a folder of this package from any other.
const markFile = "FENCELOG-INDEX"

// markText is what the mark of an index of this format says.
func markText() string {
	return fmt.Sprintf("An index of Fencelog, format %d. It can be deleted: it is made again from Kafka.\n", format)
}

// prepare makes the folder, or makes sure that it is an index, and locks it. One of another format is emptied.
func prepare(dir string) (*pebble.Lock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may write to"}
	}
	state, err := stateOf(dir)
	if err == nil && state == folderIsNew {
		err = os.WriteFile(filepath.Join(dir, markFile), []byte(markText()), 0o600)
	}
	if err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		return nil, &UnusableError{Dir: dir, Found: "another process uses it", Do: "give each instance a folder of its own", Err: err}
	}
	if state == folderIsOutdated {
		if err := empty(dir); err != nil {
			return nil, errors.Join(unusable(dir, err), lock.Close())
		}
	}
	return lock, nil
}

// folderState is what a folder holds.
type folderState int

const (
	folderIsNew      folderState = iota // nothing
	folderIsIndex                       // of this format
	folderIsOutdated                    // an index of another format
)

// stateOf tells what the folder holds, or fails if it is no index.
func stateOf(dir string) (folderState, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may read", Err: err}
	}
	if len(entries) == 0 {
		return folderIsNew, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, markFile)) //nolint:gosec // the folder is the user's choice
	if err != nil {
		return 0, &UnusableError{
			Dir: dir, Found: fmt.Sprintf("%d entries and no %s: it is no index", len(entries), markFile), Do: "name an empty folder",
		}
	}
	if string(text) != markText() {
		return folderIsOutdated, nil
	}
	return folderIsIndex, nil
}

// empty removes the files of an index of another format, and marks the folder anew in the end.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || e.Name() == markFile || e.Name() == lockFile {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, markFile), []byte(markText()), 0o600)
}

// lockFile is Pebble's.
const lockFile = "LOCK"

func unusable(dir string, err error) error {
	return &UnusableError{Dir: dir, Found: err.Error(), Do: "delete it: it is made again from Kafka", Err: err}
}

// UnusableError says why a folder cannot be used as the index, and what to do.
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
