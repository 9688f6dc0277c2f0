package fencelogcli

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// printJSON prints one value, laid out to be read, too.
func (t *tool) printJSON(v any) error {
	e := json.NewEncoder(t.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printLine prints a value in one line.
func (t *tool) printLine(v any) error {
	e := json.NewEncoder(t.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table lays out rows in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table {
	const gap = 2
	return &table{tabwriter.NewWriter(w, 0, 0, gap, ' ', 0)}
}

// row adds a row; what is wrong with the writer shows in end.
func (t *table) row(cells ...string) {
	_, _ = io.WriteString(t.w, strings.TrimRight(strings.Join(cells, "\t"), "\t")+"\n")
}

func (t *table) end() error { return t.w.Flush() }

// plain returns a text of somebody else's as it can be shown in a terminal: quoted unless all of it
// is printable.
func plain(text string) string {
	for _, r := range text {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(text)
		}
	}
	return text
}

// firstLine returns the first line of a text, for a table.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return plain(line)
}

// timeOf returns a time as all commands print it, and nothing for the zero time.
func timeOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
