// Package program tells this program from every other build of it. It never runs anything, and may
// be used concurrently.
package program

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// linux is the system on which the file of the running program can be read, even if another file has
// taken its place.
const linux = "linux"

//nolint:gochecknoglobals // a program does not change while it runs
var hash = sync.OnceValues(func() (string, error) {
	path := "/proc/self/exe"
	if runtime.GOOS != linux {
		var err error
		if path, err = os.Executable(); err != nil {
			return "", fmt.Errorf("find the file of the running program: %w", err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open the file of the running program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the file of the running program: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})

// Hash returns the SHA-256 of the program's executable file, in hexadecimal. The first call reads
// the file, which takes some ten milliseconds. It fails if the file cannot be read.
func Hash() (string, error) { return hash() }

// Prepare calls Hash now if a later call might find another file: where a deployment can replace the
// file of a program that runs.
func Prepare() {
	if runtime.GOOS != linux {
		_, _ = Hash() // whoever needs it gets the error again
	}
}
