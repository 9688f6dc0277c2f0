//go:build unix

package console

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// openPipe makes a named pipe for this user and opens both its ends. So the pipe never ends, and
// Close ends a read.
func openPipe(path string) (*os.File, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	pipe, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return pipe, nil
}

// KeepInBackground lets a program that reads its terminal go on if the shell runs it in the
// background. By default the system stops it.
func KeepInBackground() { signal.Ignore(syscall.SIGTTIN) }
