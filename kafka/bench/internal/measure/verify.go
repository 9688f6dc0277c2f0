package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// The coordinator writes a transaction's marker after it has answered the producer. The last
// markers may take so long.
const (
	verifyAttempts = 50
	verifyPause    = 100 * time.Millisecond
)

// verify counts the stored commits. It fails if that is not the number of acknowledged ones.
func (r *Row) verify(ctx context.Context, count func() (int64, error)) (err error) {
	for range verifyAttempts {
		if r.Stored, err = count(); err != nil || r.Stored == r.Claimed {
			return err
		}
		if err := clock.Wait(ctx, verifyPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %d commits acknowledged, %d stored", r.Contender, r.Claimed, r.Stored)
}
