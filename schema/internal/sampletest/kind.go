package sampletest

import (
	"errors"
	"testing"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/schema"
)

// OnlyKind returns the kind of an error of Decode, by which a reader of events decides. It returns
// ErrUnavailable for an error that may pass, and nil for a mistake of the caller. It fails the test
// if err is of two kinds.
func OnlyKind(tb testing.TB, err error) (kind error) {
	tb.Helper()
	var passing interface{ Unavailable() bool }
	for is, applies := range map[error]bool{
		schema.ErrDamaged:     errors.Is(err, schema.ErrDamaged),
		schema.ErrRevision:    errors.Is(err, schema.ErrRevision),
		schema.ErrUnknownID:   errors.Is(err, schema.ErrUnknownID),
		schema.ErrUnavailable: errors.As(err, &passing) && passing.Unavailable(),
	} {
		if applies {
			if kind != nil {
				tb.Fatalf("it is two kinds: %v", err)
			}
			kind = is
		}
	}
	waits := errors.Is(kind, schema.ErrRevision) || errors.Is(kind, schema.ErrUnknownID)
	if waits != errors.Is(err, eventstore.ErrUnknownEvent) {
		tb.Fatalf("a later release may read it: %v", err)
	}
	return kind
}
