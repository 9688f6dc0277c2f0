//go:build race

package index

// raced says that the race detector watches, which takes some twenty times as long.
const raced = true
