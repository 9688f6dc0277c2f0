package kafkatest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// lockPoll is the pause before a lock that another process holds is tried again.
const lockPoll = 100 * time.Millisecond

// lock waits for the exclusive lock of the file at path, which it creates with its folder.
// Closing the file, or the death of this process, gives the lock back.
// waiting is called once if another process holds it.
func lock(ctx context.Context, path string, waiting func()) (io.Closer, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("kafkatest: lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("kafkatest: lock: %w", err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for told := false; ; told = true {
		ok, err := tryLock(f)
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("kafkatest: lock %s: %w", path, err)
		}
		if ok {
			return f, nil
		}
		if !told {
			waiting()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("kafkatest: another process holds %s: %w", path, context.Cause(ctx))
		}
	}
}
