package links

import (
	"regexp"
	"strings"
	"unicode"
)

// Link is a link of a document.
type Link struct {
	Line   int
	Text   string
	Target string // as it is written: a path, an anchor behind '#', or both
}

// Relative reports whether the link leads to a file or an anchor beside the document.
func (l Link) Relative() bool { return !absolute.MatchString(l.Target) }

// Path returns the path and the anchor of the target; either may be empty.
func (l Link) Path() (path, anchor string) {
	path, anchor, _ = strings.Cut(l.Target, "#")
	return path, anchor
}

// Tests returns the functions of tests that the text of the link names.
func (l Link) Tests() []string { return testsIn(l.Text) }

// Test is the name of a test function in a document, outside of a link.
type Test struct {
	Line int
	Name string
}

// Snippet is a block of Go, and the file that the comment above it names.
type Snippet struct {
	Line int
	From string // empty if no comment names a file
	Code string
}

var (
	absolute = regexp.MustCompile(`^[a-z]+:`)
	link     = regexp.MustCompile(`\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)`)
	heading  = regexp.MustCompile(`^#{1,6} +(.*?)[ #]*$`)
	fence    = regexp.MustCompile("^\\s*(?:```|~~~)(\\w*)")
	code     = regexp.MustCompile("`[^`]*`")
	test     = regexp.MustCompile("`((?:Test|test|Fuzz|Example|Benchmark)[A-Z]\\w*)`")
	from     = regexp.MustCompile(`^<!-- from (\S+) -->$`)
)

// Links returns the links of a document, in order.
func Links(source []byte) []Link {
	var all []Link
	for number, text := range prose(source) {
		for _, m := range link.FindAllStringSubmatchIndex(hide(text), -1) {
			all = append(all, Link{number + 1, text[m[2]:m[3]], text[m[4]:m[5]]})
		}
	}
	return all
}

// Tests returns the test functions that a document names outside of links, in order.
func Tests(source []byte) []Test {
	var all []Test
	for number, text := range prose(source) {
		for _, name := range testsIn(link.ReplaceAllString(text, "")) {
			all = append(all, Test{number + 1, name})
		}
	}
	return all
}

// Anchors returns the anchors of a document's headings, as GitHub makes them.
func Anchors(source []byte) map[string]bool {
	anchors := map[string]bool{}
	for _, text := range prose(source) {
		if m := heading.FindStringSubmatch(text); m != nil {
			anchors[slug(m[1])] = true
		}
	}
	return anchors
}

// Snippets returns the blocks of Go of a document, in order.
func Snippets(source []byte) []Snippet {
	var all []Snippet
	var above, block string
	inBlock, inGo, begun := false, false, 0
	for number, text := range strings.Split(string(source), "\n") {
		m := fence.FindStringSubmatch(text)
		switch {
		case m == nil && inBlock:
			block += text + "\n"
		case m == nil:
			above = text
		case !inBlock:
			inBlock, inGo, begun, block = true, m[1] == "go", number+1, ""
		default:
			inBlock = false
			if inGo {
				file := ""
				if m := from.FindStringSubmatch(above); m != nil {
					file = m[1]
				}
				all = append(all, Snippet{begun, file, block})
			}
			above = ""
		}
	}
	return all
}

// prose returns the lines of a document. Lines of code are empty.
func prose(source []byte) []string {
	lines := strings.Split(string(source), "\n")
	inCode := false
	for i, text := range lines {
		if fence.MatchString(text) {
			inCode = !inCode
			lines[i] = ""
		} else if inCode {
			lines[i] = ""
		}
	}
	return lines
}

// hide returns the text with its spans of code made blank, byte for byte. So no bracket in them
// counts.
func hide(text string) string {
	return code.ReplaceAllStringFunc(text, func(span string) string { return strings.Repeat("x", len(span)) })
}

func testsIn(text string) []string {
	var names []string
	for _, m := range test.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// slug returns the anchor of a heading.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, link.ReplaceAllString(title, "$1"))
}
