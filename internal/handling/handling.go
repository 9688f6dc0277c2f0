// Package handling remembers what one handling of a command has done. So a command that is handled
// for the second time is told from a handler that makes a second commit in one partition key.
//
// It stores nothing and knows no command. Any number of goroutines may call its functions.
package handling

import (
	"context"
	"sync"
)

type key struct{}

// Begin returns a context in which a handling begins: nothing has been done in it.
func Begin(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, new(sync.Map)) }

// First reports whether nobody has named this deed since the handling began. If no handling has
// begun, it reports true.
func First(ctx context.Context, deed any) bool {
	done, _ := ctx.Value(key{}).(*sync.Map)
	if done == nil {
		return true
	}
	_, seen := done.LoadOrStore(deed, struct{}{})
	return !seen
}
