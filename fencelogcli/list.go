package fencelogcli

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// list prints items one by one: a JSON list, or blocks of text with a line between them.
type list struct {
	t     *tool
	items int
}

func (t *tool) list() *list { return &list{t: t} }

// add prints an item.
func (l *list) add(item any, block string) error {
	first := l.items == 0
	l.items++
	if !l.t.flags.json {
		if !first {
			block = "\n" + block
		}
		_, err := fmt.Fprint(l.t.Stdout, block)
		return err
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", "  ")
	if err := e.Encode(item); err != nil {
		return err
	}
	before := ",\n  "
	if first {
		before = "[\n  "
	}
	_, err := fmt.Fprintf(l.t.Stdout, "%s%s", before, bytes.TrimRight(text.Bytes(), "\n"))
	return err
}

// end ends the list.
func (l *list) end() error {
	if !l.t.flags.json {
		return nil
	}
	end := "\n]\n"
	if l.items == 0 {
		end = "[]\n"
	}
	_, err := fmt.Fprint(l.t.Stdout, end)
	return err
}
