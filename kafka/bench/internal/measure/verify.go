package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// A transaction's marker is written after its producer was answered: so long may the last ones
// take.
const (
	verifyAttempts = 50
	verifyPause    = 100 * time.Millisecond
)

// verify counts what is stored and fails if it is not what was acknowledged.
func (r *Row) verify(ctx context.Context, count func() (int64, error)) (err error) {
	for range verifyAttempts {
		if r.Stored, err = count(); err != nil || r.Stored == r.Claimed {
			return err
		}
		if err := clock.Wait(ctx, verifyPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %d events acknowledged, %d stored", r.Contender, r.Claimed, r.Stored)
}
