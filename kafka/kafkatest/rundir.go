package kafkatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

const (
	runLock   = "lock"
	runPorts  = "ports.json"
	tempDir   = "tmp"
	idFile    = "cluster.id"
	dataFiles = "data-*" // the data folders of all brokers
)

// runDir has the folders of one running cluster. This process locks the folder own while it lives.
// So others can tell which folders dead processes have left, and which ports living ones have
// taken.
type runDir struct {
	own   string // removed at the end
	data  string // for data and logs: own, or the folder that the caller chose
	tmp   string // for the temporary files of the processes
	plan  portPlan
	locks []io.Closer
}

// openRunDir makes a folder for a new cluster and chooses its ports. Before, it removes the folders
// of dead processes.
func openRunDir(ctx context.Context, c *cache, cfg Config) (_ *runDir, err error) {
	all := filepath.Join(c.dir, "run")
	// One process at a time does this. So nobody sweeps a folder between its making and its
	// locking, and two clusters that start at once do not choose the same ports.
	gate, err := c.hold(ctx, filepath.Join(all, ".lock"), "another process that starts a cluster")
	if err != nil {
		return nil, err
	}
	defer gate.Close()

	taken := sweep(all)
	r := &runDir{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.remove())
		}
	}()
	if r.plan, err = planPorts(cfg, taken); err != nil {
		return r, err
	}
	if r.own, err = os.MkdirTemp(all, strconv.Itoa(os.Getpid())+"-*"); err != nil {
		return r, fmt.Errorf("kafkatest: %w", err)
	}
	if err = r.hold(r.own); err != nil {
		return r, err
	}
	ports, err := json.Marshal(r.plan.all())
	if err != nil {
		return r, fmt.Errorf("kafkatest: %w", err)
	}
	if err = os.WriteFile(filepath.Join(r.own, runPorts), ports, 0o644); err != nil {
		return r, fmt.Errorf("kafkatest: %w", err)
	}
	r.tmp = filepath.Join(r.own, tempDir)
	if err = os.Mkdir(r.tmp, 0o755); err != nil {
		return r, fmt.Errorf("kafkatest: %w", err)
	}
	return r, r.openData(cfg)
}

// openData chooses the folder of the data, and refuses the data of a cluster of another size.
func (r *runDir) openData(cfg Config) error {
	r.data = r.own
	if cfg.Dir == "" {
		return nil
	}
	data, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return fmt.Errorf("kafkatest: Dir: %w", err)
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("kafkatest: Dir: %w", err)
	}
	if err := r.hold(data); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(data, dataFiles))
	if err != nil {
		return fmt.Errorf("kafkatest: Dir: %w", err)
	}
	if len(found) != 0 && len(found) != cfg.Brokers {
		return fmt.Errorf(
			"kafkatest: %s holds the data of %d brokers, not of %d: set Brokers to that or choose another Dir",
			data, len(found), cfg.Brokers)
	}
	r.data = data
	return nil
}

// hold takes the lock of a folder at once or not at all.
func (r *runDir) hold(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, runLock), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("kafkatest: %w", err)
	}
	ok, err := tryLock(f)
	if err != nil || !ok {
		_ = f.Close()
	}
	if err != nil {
		return fmt.Errorf("kafkatest: lock %s: %w", dir, err)
	}
	if !ok {
		return fmt.Errorf("kafkatest: %s: %w by another cluster: stop that one or choose another Dir", dir, ErrDirInUse)
	}
	r.locks = append(r.locks, f)
	return nil
}

// clusterID returns the id of the cluster that the data belongs to, or a new id for a new cluster.
func (r *runDir) clusterID() (string, error) {
	path := filepath.Join(r.data, idFile)
	found, err := os.ReadFile(path)
	if err == nil {
		return string(found), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("kafkatest: cluster id: %w", err)
	}
	id := newUUID()
	if err := os.WriteFile(path, []byte(id), 0o644); err != nil {
		return "", fmt.Errorf("kafkatest: cluster id: %w", err)
	}
	return id, nil
}

// remove gives the folder back, and removes all files that are not in the caller's folder.
func (r *runDir) remove() error {
	var err error
	if r.own != "" {
		err = os.RemoveAll(r.own)
	}
	return errors.Join(err, r.unlock())
}

// keepLogs gives the folder back after a failed start. The logs stay, so that people can read them,
// until the next start sweeps them away.
func (r *runDir) keepLogs() error {
	if r.data != r.own {
		return r.remove() // the logs are the caller's
	}
	trash, _ := filepath.Glob(filepath.Join(r.own, dataFiles)) // the pattern is well-formed
	var errs []error
	for _, dir := range append(trash, r.tmp) {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(append(errs, r.unlock())...)
}

func (r *runDir) unlock() error {
	var errs []error
	for _, f := range r.locks {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// sweep removes the folders whose lock nobody holds and returns the ports of the others. It leaves
// a folder that it cannot remove or read to the next sweep.
func sweep(all string) map[int]bool {
	taken := make(map[int]bool)
	entries, _ := os.ReadDir(all)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(all, e.Name())
		r := &runDir{own: dir}
		if r.hold(dir) == nil {
			_ = r.remove()
			continue
		}
		var ports []int
		if b, err := os.ReadFile(filepath.Join(dir, runPorts)); err == nil && json.Unmarshal(b, &ports) == nil {
			for _, port := range ports {
				taken[port] = true
			}
		}
	}
	return taken
}
