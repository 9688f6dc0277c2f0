package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line, in bytes without its end.
const maxLine = 64 << 10

// line is one line of the input that is not blank.
type line struct {
	number int // from 1
	text   []byte
	err    error // why the line cannot be parsed
}

// lines yields the lines of r until its end or until ctx ends. If r fails, that is yielded as the
// last pair.
//
// A read from a terminal cannot be interrupted. So that ctx can end the iteration, a goroutine
// reads, which lives until its read returns.
func lines(ctx context.Context, r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		type item struct {
			line
			failed error
		}
		items := make(chan item)
		done := make(chan struct{})
		defer close(done)
		go func() {
			defer close(items)
			send := func(i item) bool {
				select {
				case items <- i:
					return true
				case <-done:
					return false
				}
			}
			if err := scan(r, func(l line) bool { return send(item{line: l}) }); err != nil {
				send(item{failed: err})
			}
		}()
		for ctx.Err() == nil {
			select {
			case i, ok := <-items:
				if !ok || !yield(i.line, i.failed) || i.failed != nil {
					return
				}
			case <-ctx.Done():
			}
		}
	}
}

// scan calls each with every line of r that is not blank, until it returns false.
func scan(r io.Reader, each func(line) bool) error {
	reader := bufio.NewReaderSize(r, maxLine+len("\r\n"))
	for number := 1; ; number++ {
		text, err := reader.ReadSlice('\n')
		l := line{number: number}
		if errors.Is(err, bufio.ErrBufferFull) {
			l.err = fmt.Errorf("the line is longer than %d bytes", maxLine)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = reader.ReadSlice('\n')
			}
		} else {
			l.text = bytes.Clone(bytes.TrimSpace(text))
		}
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("read line %d: %w", number, err)
		}
		blank := l.err == nil && len(l.text) == 0
		if !blank && !each(l) || end {
			return nil
		}
	}
}
