// Package expected marks the context of a request for a schema that must be in the registry. A
// registry of several nodes may have a node that lags behind the others and lacks such a schema for
// a moment. Package registry asks again then.
//
// Its functions may be called by any number of goroutines.
package expected

import "context"

type key struct{}

// Mark returns ctx with the mark.
func Mark(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, true) }

// IsMarked reports whether ctx has the mark.
func IsMarked(ctx context.Context) bool { return ctx.Value(key{}) != nil }
