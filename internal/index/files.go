package index

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Bounds of the files of records.
const (
	fileBytes       = 1 << 30
	memoryFileBytes = 64 << 20 // of those that are kept in memory
)

// files holds the encoded records: chunks, one behind the other, in files that are only added to.
// The database says where a chunk is. Events are never changed or deleted, so nothing in the files
// is ever written again. A database would write its values again, several times over. A crash may
// leave bytes at the end of a file that no key points to, and they stay there. The files may be
// used concurrently.
type files struct {
	fs       vfs.FS
	dir      string
	maxBytes int64

	mu   sync.RWMutex
	list []vfs.File // by number, from 1
	end  int64      // of the last one
	full int64      // bytes of those before it
}

// fileName is the name of the file of that number.
func fileName(number int) string { return fmt.Sprintf("records-%06d", number) }

func openFiles(fs vfs.FS, dir string, maxBytes int64) (*files, error) {
	f := &files{fs: fs, dir: dir, maxBytes: maxBytes}
	for {
		name := fs.PathJoin(dir, fileName(len(f.list)+1))
		_, err := fs.Stat(name)
		if errors.Is(err, os.ErrNotExist) {
			return f, nil // the last one has been seen
		}
		if err == nil {
			err = f.add(name)
		}
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
}

// add opens a file as the last one.
func (f *files) add(name string) error {
	file, err := f.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.full += f.end
	f.list, f.end = append(f.list, file), info.Size()
	return nil
}

// reserve returns an extent for n bytes in a row.
func (f *files) reserve(n int) (extent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 || f.end > 0 && f.end+int64(n) > f.maxBytes {
		if err := f.add(f.fs.PathJoin(f.dir, fileName(len(f.list)+1))); err != nil {
			return extent{}, err
		}
		if err := f.syncFolder(); err != nil {
			return extent{}, err
		}
	}
	e := extent{
		file: f.list[len(f.list)-1], number: len(f.list), offset: f.end,
		buffer: make([]byte, 0, min(n, bufferBytes+maxChunkBytes)),
	}
	f.end += int64(n)
	return e, nil
}

// syncFolder makes a new file's name last.
func (f *files) syncFolder() error {
	dir, err := f.fs.OpenDir(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// read fills b with what is at a place.
func (f *files) read(b []byte, number int, offset int64) error {
	f.mu.RLock()
	if number < 1 || number > len(f.list) {
		f.mu.RUnlock()
		return fmt.Errorf("%w: there is no file %s", errBroken, fileName(number))
	}
	file := f.list[number-1]
	f.mu.RUnlock()
	_, err := file.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: file %s ends before %d", errBroken, fileName(number), offset+int64(len(b)))
	}
	return err
}

// bytes returns the length of all of them.
func (f *files) bytes() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.full + f.end
}

func (f *files) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, file := range f.list {
		errs = append(errs, file.Close())
	}
	f.list = nil
	return errors.Join(errs...)
}

// extent is some bytes of a file that one goroutine writes, from the first to the last.
type extent struct {
	file   vfs.File
	number int
	offset int64 // of what is written next
	buffer []byte
}

// bufferBytes is about how much is written at once.
const bufferBytes = 256 << 10

// next returns where the next chunk begins.
func (e *extent) next() int64 { return e.offset + int64(len(e.buffer)) }

// flush writes what is in the buffer if there is enough of it, or all.
func (e *extent) flush(all bool) error {
	if len(e.buffer) < bufferBytes && !all {
		return nil
	}
	_, err := e.file.WriteAt(e.buffer, e.offset)
	e.offset += int64(len(e.buffer))
	e.buffer = e.buffer[:0]
	return err
}

// sync writes everything, and makes it last.
func (e *extent) sync() error {
	if err := e.flush(true); err != nil {
		return err
	}
	return e.file.SyncData()
}
