package measure

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profiled calls do. If the configuration asks for it, it writes a CPU profile of the call.
func (r *run) profiled(name string, round int, do func() error) error {
	if r.cfg.ProfileDir == "" {
		return do()
	}
	if err := os.MkdirAll(r.cfg.ProfileDir, 0o750); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(r.cfg.ProfileDir, fmt.Sprintf("%s-%d.cpu", name, round)))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	before := r.snapshotAllocs(name + "-before")
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(before, err, f.Close(), r.snapshotAllocs(name+"-after"))
}

// snapshotAllocs writes a profile of all allocations since the process began. pprof -base shows the
// difference of two.
func (r *run) snapshotAllocs(name string) error {
	f, err := os.Create(filepath.Join(r.cfg.ProfileDir, name+".allocs"))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
