package process

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	tailLines = 25
	tailBytes = 16 << 10
)

// Tail returns the last lines of a file, or why there are none.
func Tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	start := max(info.Size()-tailBytes, 0)
	b, err := io.ReadAll(io.NewSectionReader(f, start, tailBytes))
	if err != nil {
		return err.Error()
	}
	return LastLines(string(b))
}

// LastLines returns the end of a text, as much as a person reads.
func LastLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(len(lines)-tailLines, 0):], "\n")
}

// Logged says where a log is and what it ends with.
func Logged(path, tail string) string {
	if tail == "" {
		return fmt.Sprintf("its log is %s (empty)", path)
	}
	return fmt.Sprintf("its log is %s, which ends:\n%s", path, Indent(tail))
}

// Indent sets a text off from the text around it.
func Indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ")
}
