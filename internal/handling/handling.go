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

// handling is one handling. It is one value of the context with its cause, because every command
// pays for both.
type handling[C any] struct {
	deeds

	cause C
}

// Begin returns a context in which a handling begins: nothing has been done in it. The cause is
// what [Cause] returns.
func Begin[C any](ctx context.Context, cause C) context.Context {
	return context.WithValue(ctx, key{}, &handling[C]{cause: cause})
}

// Cause returns the cause with which the handling has begun, or nil if none has begun. The caller
// must not change it.
func Cause[C any](ctx context.Context) *C {
	h, _ := ctx.Value(key{}).(*handling[C])
	if h == nil {
		return nil
	}
	return &h.cause
}

// Deed is a commit. The position of its last record names it.
type Deed struct {
	Category  string
	Partition int32
	Offset    int64
}

// First reports whether nobody has named this deed since the handling began. If no handling has
// begun, it reports true.
func First(ctx context.Context, deed Deed) bool {
	h, _ := ctx.Value(key{}).(interface{ first(Deed) bool })
	return h == nil || h.first(deed)
}

// deeds is a set of deeds. Most handlings have one deed, which needs no map.
type deeds struct {
	mu   sync.Mutex
	some bool
	one  Deed // if there are some
	more map[Deed]struct{}
}

// first adds the deed. It reports false if the set has it already.
func (d *deeds) first(deed Deed) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.some:
		d.some, d.one = true, deed
		return true
	case d.one == deed:
		return false
	case d.more == nil:
		d.more = make(map[Deed]struct{})
	}
	_, seen := d.more[deed]
	d.more[deed] = struct{}{}
	return !seen
}
