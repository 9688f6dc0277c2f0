package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system below an index. A disk that fails is a crash at that moment:
//
//	D1  After the first write that fails, the disk writes, renames and removes nothing any more.
//	    So the folder stays as a crash would leave it, and the index in it is that of an earlier
//	    checkpoint.
//	D2  The failing write, and every one after it, reports success. After an error of a write
//	    Pebble would end the process, or try again for ever. So Pebble never hears of one, and is
//	    closed as usual.
//	D3  The store is told. From then on it gives no answer that rests on what was not written.
//
// A write is every operation that changes the folder, or makes a change last: to create, write,
// sync, close, rename and remove. To open a file or the folder for that is a write, too. If a read
// fails, its caller gets the error. A disk may be used concurrently.
type disk struct {
	vfs.FS
	dir     string
	failure atomic.Pointer[UnusableError] // the first one
	failed  chan struct{}                 // closed after failure is set
	listed  atomic.Pointer[[]string]      // the folder's names, when it was listed last
}

func newDisk(dir string, below vfs.FS) *disk {
	return &disk{FS: below, dir: dir, failed: make(chan struct{})}
}

// err returns nil, or the *UnusableError with which the disk failed.
func (d *disk) err() error {
	if failure := d.failure.Load(); failure != nil {
		return failure
	}
	return nil
}

// fail declares the disk failed. Only the first call counts.
func (d *disk) fail(failure *UnusableError) {
	if d.failure.CompareAndSwap(nil, failure) {
		close(d.failed)
	}
}

// write does something to a file, unless the disk has failed.
func (d *disk) write(op, name string, do func() error) {
	if d.failure.Load() != nil {
		return
	}
	if err := do(); err != nil {
		d.fail(unwritable(d.dir, op, name, err))
	}
}

// opened returns a file to write to. After a failure the file keeps nothing.
func (d *disk) opened(op, name string, open func() (vfs.File, error)) (vfs.File, error) {
	opened := &diskFile{File: nowhere{}, disk: d, name: name}
	d.write(op, name, func() error {
		f, err := open()
		if err == nil {
			opened.File = f
		}
		return err
	})
	return opened, nil
}

// Create is vfs.FS's; it never fails.
func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.opened("create", name, func() (vfs.File, error) { return d.FS.Create(name, category) })
}

// OpenReadWrite is vfs.FS's; it never fails.
func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.opened("open", name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, opts...) })
}

// ReuseForWrite is vfs.FS's; it never fails.
func (d *disk) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.opened("reuse", from, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, category) })
}

// OpenDir is vfs.FS's; it never fails. A folder is opened to be synced.
func (d *disk) OpenDir(name string) (vfs.File, error) {
	return d.opened("open", name, func() (vfs.File, error) { return d.FS.OpenDir(name) })
}

// Link is vfs.FS's; it never fails.
func (d *disk) Link(from, to string) error {
	d.write("link", from, func() error { return d.FS.Link(from, to) })
	return nil
}

// Rename is vfs.FS's; it never fails.
func (d *disk) Rename(from, to string) error {
	d.write("rename", from, func() error { return d.FS.Rename(from, to) })
	return nil
}

// MkdirAll is vfs.FS's; it never fails.
func (d *disk) MkdirAll(name string, mode os.FileMode) error {
	d.write("make", name, func() error { return d.FS.MkdirAll(name, mode) })
	return nil
}

// Remove is vfs.FS's; it fails only if there is no such file.
func (d *disk) Remove(name string) error { return d.remove(name, d.FS.Remove) }

// RemoveAll is vfs.FS's; it fails only if there is no such file.
func (d *disk) RemoveAll(name string) error { return d.remove(name, d.FS.RemoveAll) }

func (d *disk) remove(name string, do func(string) error) (err error) {
	d.write("remove", name, func() error {
		if err = do(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		failed := err
		err = nil
		return failed
	})
	return err
}

// Open is vfs.FS's. If a write has failed, a file may be missing that was never written, and Pebble
// would take that for damage. So Open then fails with the error of the disk.
func (d *disk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.Open(name, opts...)
	if failure := d.err(); err != nil && failure != nil {
		return nil, failure
	}
	return f, err
}

// List is vfs.FS's. Pebble lists the folder while it opens it, and after an error it would leave
// behind what it has begun. So if the folder could be listed before and cannot be now, the disk
// fails, as with a write. List then returns the names of the time before.
func (d *disk) List(name string) ([]string, error) {
	names, err := d.FS.List(name)
	if before := d.listed.Load(); err != nil && before != nil && name == d.dir {
		d.fail(unwritable(d.dir, "list", name, err))
		return *before, nil
	}
	if err == nil && name == d.dir {
		d.listed.Store(&names)
	}
	return names, err
}

// Unwrap is vfs.FS's.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// unwritable is the error of a write that failed.
func unwritable(dir, op, name string, err error) *UnusableError {
	cause := err
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		cause = path.Err
	case errors.As(err, &link):
		cause = link.Err
	}
	return &UnusableError{
		Dir: dir, Found: fmt.Sprintf("%s %s: %v", op, filepath.Base(name), cause), Err: err,
		Do: advice(err, "check its disk; if the folder is lost, delete it or name another one: "+
			"the index is made again from the topics"),
	}
}

// advice returns what to do about an error of the file system, or otherwise if the error does not
// say.
func advice(err error, otherwise string) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return otherwise
	}
	switch no {
	case syscall.ENOSPC, syscall.EDQUOT:
		return "free space on its disk, or name a folder on another one: the index is made again from the topics there"
	case syscall.EFBIG:
		return "raise the limit of the size of files (ulimit -f)"
	case syscall.EMFILE, syscall.ENFILE:
		return "raise the limit of open files (ulimit -n)"
	case syscall.EROFS, syscall.EACCES, syscall.EPERM:
		return "name a folder that this process may write to"
	default:
		return otherwise
	}
}
