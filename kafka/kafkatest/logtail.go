package kafkatest

import (
	"io"
	"os"
	"strings"
)

const (
	tailLines = 25
	tailBytes = 16 << 10
)

// tail returns the last lines of a file, or why there are none.
func tail(path string) string {
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
	return lastLines(string(b))
}

// lastLines returns the last [tailLines] lines of s.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(len(lines)-tailLines, 0):], "\n")
}
