package prose

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	directive = regexp.MustCompile(`^//([a-z]+:|nolint|line |export |extern )`)
	output    = regexp.MustCompile(`^(Unordered output|Output):`)
	item      = regexp.MustCompile(`^\s*([-*•]|\d+[.)])\s+`)
)

// Go checks the comments of a file of Go source.
// It fails if the source has no valid syntax.
func Go(source []byte) ([]Finding, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("prose: %w", err)
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	var found []Finding
	names := declared(file)
	texts := strings.Split(string(source), "\n")
	for _, group := range file.Comments {
		start := files.Position(group.Pos())
		trailing := strings.TrimSpace(texts[start.Line-1][:start.Column-1]) != ""
		for _, p := range paragraphs(commentLines(files, group)) {
			found = append(found, p.check(names)...)
			if !trailing {
				found = append(found, p.tooWide(texts)...)
			}
		}
	}
	return found, nil
}

// tooWide finds the lines of a paragraph that could be wrapped and have too many columns in the
// file.
func (p paragraph) tooWide(texts []string) []Finding {
	var found []Finding
	for _, l := range p {
		columns := utf8.RuneCountInString(strings.ReplaceAll(texts[l.number-1], "\t", "    "))
		if columns > MaxColumns && strings.Contains(l.text, " ") {
			found = append(found, Finding{l.number, 7, fmt.Sprintf("%d columns: %s", columns, l.text)})
		}
	}
	return found
}

// commentLines are the lines of a comment, without markers, directives and an example's output.
func commentLines(files *token.FileSet, group *ast.CommentGroup) []line {
	var lines []line
	for _, comment := range group.List {
		number := files.Position(comment.Pos()).Line
		if directive.MatchString(comment.Text) {
			continue
		}
		text := strings.TrimSuffix(strings.TrimPrefix(comment.Text, "/*"), "*/")
		for i, part := range strings.Split(strings.TrimPrefix(text, "//"), "\n") {
			part = strings.TrimPrefix(part, " ")
			if output.MatchString(part) {
				return lines
			}
			lines = append(lines, line{number + i, part})
		}
	}
	return lines
}

// paragraphs splits the lines of a comment where a line is empty, and where an item of a list
// starts. An indented line that continues no item is code.
func paragraphs(lines []line) []paragraph {
	var all []paragraph
	var open paragraph
	inList := false
	closeOpen := func() {
		if len(open) > 0 {
			all = append(all, open)
		}
		open = nil
	}
	for _, l := range lines {
		indented := strings.HasPrefix(l.text, " ") || strings.HasPrefix(l.text, "\t")
		marker := item.FindString(l.text)
		switch {
		case strings.TrimSpace(l.text) == "":
			closeOpen()
		case marker != "" && (indented || marker == "- ") && !strings.HasPrefix(l.text, "\t"):
			closeOpen()
			inList = true
			open = paragraph{{l.number, l.text[len(marker):]}}
		case indented && !inList, strings.HasPrefix(l.text, "\t"), strings.HasPrefix(l.text, "# "):
			closeOpen()
		default:
			if !indented && inList {
				inList = false
				closeOpen()
			}
			open = append(open, line{l.number, strings.TrimSpace(l.text)})
		}
	}
	closeOpen()
	return all
}

// declared are the names that a file declares, and the names of the fields and methods of its
// types.
func declared(file *ast.File) map[string]bool {
	names := map[string]bool{}
	add := func(idents ...*ast.Ident) {
		for _, ident := range idents {
			names[ident.Name] = true
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			add(node.Name)
		case *ast.TypeSpec:
			add(node.Name)
		case *ast.ValueSpec:
			add(node.Names...)
		case *ast.Field:
			add(node.Names...)
		}
		return true
	})
	return names
}
