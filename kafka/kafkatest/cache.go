package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

const (
	downloadTries = 3
	downloadPause = time.Second // before the second try; doubled for each after
)

// cache is the folder of downloads: each is made once and serves every test binary on this machine.
type cache struct {
	dir      string
	progress *progress.Teller
}

func openCache(p *progress.Teller) (*cache, error) {
	dir := os.Getenv(EnvCache)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("kafkatest: no cache folder: %w; set %s", err, EnvCache)
		}
		dir = filepath.Join(base, "fencelog")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("kafkatest: cache folder: %w", err)
	}
	return &cache{dir: dir, progress: p}, nil
}

// filler fills a folder that is there and empty.
type filler func(ctx context.Context, dir string) error

// install is once for a download.
func (c *cache) install(ctx context.Context, name string, build filler) (string, error) {
	return c.once(ctx, "downloading "+name, name, build)
}

// once returns the folder called name, which build filled, now or in an earlier process. While
// build works, once tells people so in the words of doing.
//
// The folder is there whole or not at all: build works beside its place, and once renames the
// result. One process at a time builds. A build that fails is tried again, from an empty folder.
func (c *cache) once(ctx context.Context, doing, name string, build filler) (string, error) {
	place := filepath.Join(c.dir, name)
	if isDir(place) {
		return place, nil
	}
	held, err := c.hold(ctx, place+".lock", "another process that is "+doing)
	if err != nil {
		return "", err
	}
	defer held.Close()
	if isDir(place) {
		return place, nil
	}
	// The lock is ours, so an unfinished folder is that of a dead process.
	unfinished := place + ".unfinished"
	defer func() { _ = os.RemoveAll(unfinished) }()

	c.progress.Say("%s, into %s (only the first time)", doing, c.dir)
	defer c.progress.During(func() string { return doing })()
	if err := c.tryBuild(ctx, doing, unfinished, build); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, place); err != nil {
		return "", fmt.Errorf("kafkatest: cache: %w", err)
	}
	return place, nil
}

// hold takes the lock at path. If it must wait, it says for whom.
func (c *cache) hold(ctx context.Context, path, whom string) (io.Closer, error) {
	over := func() {}
	defer func() { over() }()
	return lock(ctx, path, func() {
		c.progress.Say("waiting for %s", whom)
		over = c.progress.During(func() string { return "waiting for " + whom })
	})
}

func (c *cache) tryBuild(ctx context.Context, doing, dir string, build filler) error {
	pause := downloadPause
	for try := 1; ; try++ {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("kafkatest: cache: %w", err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("kafkatest: cache: %w", err)
		}
		err := build(ctx, dir)
		if err == nil || try == downloadTries || !errors.Is(err, ErrToolFailed) || ctx.Err() != nil {
			return err
		}
		c.progress.Say("%s failed, trying again in %v (%d of %d)", doing, pause, try+1, downloadTries)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause *= 2
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
