package index

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// diskFile is a file of a disk that is written to.
type diskFile struct {
	vfs.File
	disk *disk
	name string
}

// Write is vfs.File's; it never fails.
func (f *diskFile) Write(b []byte) (int, error) {
	f.disk.write("write", f.name, func() error {
		_, err := f.File.Write(b)
		return err
	})
	return len(b), nil
}

// WriteAt is vfs.File's; it never fails.
func (f *diskFile) WriteAt(b []byte, offset int64) (int, error) {
	f.disk.write("write", f.name, func() error {
		_, err := f.File.WriteAt(b, offset)
		return err
	})
	return len(b), nil
}

// Sync is vfs.File's; it never fails.
func (f *diskFile) Sync() error {
	f.disk.write("sync", f.name, f.File.Sync)
	return nil
}

// SyncData is vfs.File's; it never fails.
func (f *diskFile) SyncData() error {
	f.disk.write("sync", f.name, f.File.SyncData)
	return nil
}

// SyncTo is vfs.File's; it never fails. An error of SyncTo is as final as one of Sync: the system
// tells it once.
func (f *diskFile) SyncTo(length int64) (whole bool, err error) {
	f.disk.write("sync", f.name, func() (err error) {
		whole, err = f.File.SyncTo(length)
		return err
	})
	return whole, nil
}

// Close is vfs.File's; it never fails. The file is closed in any case.
func (f *diskFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.disk.fail(unwritable(f.disk.dir, "close", f.name, err))
	}
	return nil
}

// nowhere is a file that keeps nothing and holds nothing.
type nowhere struct{}

// errNowhere is the error of a read of what was never written.
var errNowhere = errors.New("the disk has failed, and the file was not written")

func (nowhere) Read([]byte) (int, error)               { return 0, errNowhere }
func (nowhere) ReadAt([]byte, int64) (int, error)      { return 0, errNowhere }
func (nowhere) Write(b []byte) (int, error)            { return len(b), nil }
func (nowhere) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nowhere) Preallocate(int64, int64) error         { return nil }
func (nowhere) Stat() (vfs.FileInfo, error)            { return nil, errNowhere }
func (nowhere) Sync() error                            { return nil }
func (nowhere) SyncTo(int64) (bool, error)             { return false, nil }
func (nowhere) SyncData() error                        { return nil }
func (nowhere) Prefetch(int64, int64) error            { return nil }
func (nowhere) Fd() uintptr                            { return vfs.InvalidFd }
func (nowhere) Close() error                           { return nil }
