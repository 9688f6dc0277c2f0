package worker

import (
	"io"
	"os"
)

// maxLastWords bounds the part of a process's log that is told, from the end of the log. It has
// room for a report of the race detector.
const maxLastWords = 8 << 10

// lastWords returns the end of the text that a process has written to its log since the offset.
func lastWords(log string, since int64) string {
	f, err := os.Open(log)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	from := max(since, end-maxLastWords)
	text, err := io.ReadAll(io.NewSectionReader(f, from, end-from))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
