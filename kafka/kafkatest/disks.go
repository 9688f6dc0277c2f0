package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// KillAll ends all brokers with SIGKILL, as [Cluster.Kill] ends one, and waits until they are gone.
// The registry keeps running.
func (c *Cluster) KillAll() error { return c.each(c.Kill) }

// RestartAll starts all brokers again on their ports, with the data that their folders hold now. It
// waits until they are ready. All must have been killed. It fails as [Cluster.Restart] does.
func (c *Cluster) RestartAll(ctx context.Context) error {
	return c.each(func(n int) error { return c.Restart(ctx, n) })
}

// each calls do for all brokers at once.
func (c *Cluster) each(do func(n int) error) error {
	if c.external() {
		_, err := c.broker(0)
		return err
	}
	var group errgroup.Group
	for n := range c.brokers {
		group.Go(func() error { return do(n) })
	}
	return group.Wait()
}

// SaveDisks copies the data of all brokers into the folder dir, which must be empty or missing.
// [Cluster.RestoreDisks] brings it back. SaveDisks fails with [ErrRunning] if a broker runs, and
// with the errors of the file system.
func (c *Cluster) SaveDisks(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("kafkatest: save disks: %w", err)
	}
	return c.each(func(n int) error {
		data, err := c.disk(n)
		if err != nil {
			return err
		}
		if err := copyDisk(filepath.Join(dir, filepath.Base(data)), data); err != nil {
			return fmt.Errorf("kafkatest: save the disk of broker %d: %w", n, err)
		}
		return nil
	})
}

// RestoreDisks replaces the data of all brokers by the data that [Cluster.SaveDisks] has copied
// into dir. The ids of cluster and topics stay as they are. So only the records tell a client that
// the cluster was restored. RestoreDisks fails with [ErrRunning] if a broker runs, and with the
// errors of the file system.
func (c *Cluster) RestoreDisks(dir string) error {
	return c.each(func(n int) error {
		data, err := c.disk(n)
		if err != nil {
			return err
		}
		saved := filepath.Join(dir, filepath.Base(data))
		if _, err := os.Stat(saved); err != nil {
			return fmt.Errorf("kafkatest: restore the disk of broker %d: %w", n, err)
		}
		if err := errors.Join(os.RemoveAll(data), copyDisk(data, saved)); err != nil {
			return fmt.Errorf("kafkatest: restore the disk of broker %d: %w", n, err)
		}
		return nil
	})
}

// disk returns the data folder of a broker that does not run.
func (c *Cluster) disk(n int) (string, error) {
	b, err := c.broker(n)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runs() {
		return "", fmt.Errorf("kafkatest: %s: %w: kill it before its disk is copied", b.name, ErrRunning)
	}
	return b.data, nil
}

// copyDisk copies the folder from to the folder to, which must not exist.
func copyDisk(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(filepath.Join(to, name), 0o755)
		}
		return copySparse(filepath.Join(to, name), path)
	})
}

// sparseBlock is the size of a block of zeros that becomes a hole.
const sparseBlock = 64 << 10

// copySparse copies a file and leaves holes for its zeros. A broker reserves 20 MiB for the indexes
// of each partition, and uses a few bytes of them.
func copySparse(to, from string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	zeros, block := make([]byte, sparseBlock), make([]byte, sparseBlock)
	for at := int64(0); ; {
		n, err := io.ReadFull(source, block)
		if n > 0 && !bytes.Equal(block[:n], zeros[:n]) {
			if _, err := target.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return target.Truncate(at)
		}
		if err != nil {
			return err
		}
	}
}
