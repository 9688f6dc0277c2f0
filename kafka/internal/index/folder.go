package index

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// markFile tells a folder of this package from any other.
const markFile = "FENCELOG-INDEX"

// prepare makes the folder, or makes sure that it is an index, and locks it.
func prepare(dir string) (*pebble.Lock, error) {
	if err := mark(dir); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		return nil, &UnusableError{Dir: dir, Found: "another process uses it", Do: "give each instance a folder of its own", Err: err}
	}
	return lock, nil
}

func mark(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may write to"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &UnusableError{Dir: dir, Found: err.Error(), Do: "name a folder that this process may read"}
	}
	name := filepath.Join(dir, markFile)
	if len(entries) == 0 {
		return os.WriteFile(name, []byte("An index of Fencelog. It can be deleted: it is made again from Kafka.\n"), 0o600)
	}
	if _, err := os.Stat(name); err != nil {
		return &UnusableError{
			Dir: dir, Found: fmt.Sprintf("%d entries and no %s: it is no index", len(entries), markFile), Do: "name an empty folder",
		}
	}
	return nil
}

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
