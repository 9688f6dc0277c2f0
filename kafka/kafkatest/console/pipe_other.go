//go:build !unix

package console

import "os"

// openPipe returns nil: this system has no named pipes that are files.
func openPipe(string) (*os.File, error) { return nil, nil } //nolint:nilnil // there is none

// KeepInBackground does nothing on this system.
func KeepInBackground() {}
