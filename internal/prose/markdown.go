package prose

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	fence = regexp.MustCompile("^\\s*(```|~~~)")
	apart = regexp.MustCompile(`^\s*(#+ |\||<|\[[^\]]+\]: |---|===)`) // headings, tables, HTML, links, rulers
	quote = regexp.MustCompile(`^\s*> ?`)
)

// Markdown checks the sentences of a document, and that each has a line.
func Markdown(source []byte) []Finding {
	var found []Finding
	for _, p := range documentParagraphs(string(source)) {
		found = append(found, p.check(nil)...)
		last := 0
		for _, s := range p.sentences() {
			if s.first == last {
				found = append(found, Finding{s.first, 7, "not the first sentence of its line: " + s.String()})
			}
			if s.last > s.first {
				found = append(found, Finding{s.first, 7, fmt.Sprintf("%d lines: %s", s.last-s.first+1, s)})
			}
			last = s.last
		}
	}
	return found
}

// documentParagraphs are the paragraphs and the items of lists of a document.
// Code is in fences, or is indented after an empty line and outside of a list.
func documentParagraphs(source string) []paragraph {
	var all []paragraph
	var open paragraph
	inCode, inList, empty := false, false, true
	closeOpen := func() {
		if len(open) > 0 {
			all = append(all, open)
		}
		open = nil
	}
	for i, text := range strings.Split(source, "\n") {
		text = quote.ReplaceAllString(text, "")
		indented := strings.HasPrefix(text, "    ") || strings.HasPrefix(text, "\t")
		marker := item.FindString(text)
		switch {
		case fence.MatchString(text):
			closeOpen()
			inCode = !inCode
		case inCode || apart.MatchString(text) || indented && empty && !inList:
			closeOpen()
		case strings.TrimSpace(text) == "":
			closeOpen()
		case marker != "" && (empty || inList || !strings.HasPrefix(strings.TrimSpace(marker), "*")):
			closeOpen()
			inList = true
			open = paragraph{{i + 1, text[len(marker):]}}
		default:
			if empty && !strings.HasPrefix(text, " ") {
				inList = false
			}
			open = append(open, line{i + 1, strings.TrimSpace(text)})
		}
		empty = strings.TrimSpace(text) == ""
	}
	closeOpen()
	return all
}
