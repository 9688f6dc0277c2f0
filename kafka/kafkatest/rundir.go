package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// runDir is the folder of one running cluster. It is locked while its process lives, so that a later
// process can tell what the dead have left.
type runDir struct {
	path string
	held *os.File
	own  bool // made by us, to be removed
}

const runLock = "lock"

// openRunDir returns the folder that the caller chose, or a new one, after clearing away those of dead processes.
func openRunDir(ctx context.Context, c *cache, chosen string) (*runDir, error) {
	if chosen != "" {
		path, err := filepath.Abs(chosen)
		if err != nil {
			return nil, fmt.Errorf("kafkatest: Dir: %w", err)
		}
		held, err := lock(ctx, filepath.Join(path, runLock), func() {
			c.progress.say("waiting for another cluster that uses %s", path)
		})
		if err != nil {
			return nil, err
		}
		return &runDir{path: path, held: held}, nil
	}
	all := filepath.Join(c.dir, "run")
	// Nobody sweeps between the making of a folder and its locking.
	gate, err := lock(ctx, filepath.Join(all, ".lock"), func() {})
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	sweep(all)
	path, err := os.MkdirTemp(all, strconv.Itoa(os.Getpid())+"-*")
	if err != nil {
		return nil, fmt.Errorf("kafkatest: %w", err)
	}
	held, err := lock(ctx, filepath.Join(path, runLock), func() {})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return &runDir{path: path, held: held, own: true}, nil
}

// sweep removes the folders whose lock nobody holds. What cannot be removed now
// is left to the next one.
func sweep(all string) {
	entries, _ := os.ReadDir(all)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		path := filepath.Join(all, e.Name())
		f, err := os.OpenFile(filepath.Join(path, runLock), os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			continue
		}
		if free, err := tryLock(f); err == nil && free {
			os.RemoveAll(path)
		}
		f.Close()
	}
}

// remove gives the folder back: all of it is removed if it is ours.
func (r *runDir) remove() error {
	var err error
	if r.own {
		err = os.RemoveAll(r.path)
	}
	return errors.Join(err, r.held.Close())
}

// keepLogs gives the folder back after a failed start: the logs stay, so that they
// can be read, until the next start sweeps them away.
func (r *runDir) keepLogs() error {
	var err error
	if r.own {
		data, _ := filepath.Glob(filepath.Join(r.path, dataPattern))
		for _, dir := range data {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return errors.Join(err, r.held.Close())
}
