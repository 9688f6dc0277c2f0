package prose

import (
	"regexp"
	"strings"
	"unicode"
)

// line is a line of a text: its number in the file, and what it says without markers.
type line struct {
	number int
	text   string
}

// paragraph is a run of lines that belong together: a paragraph, or one item of a list.
type paragraph []line

// word is a word of a paragraph, and the numbers of the lines on which it starts and ends.
type word struct {
	text        string
	first, last int
}

// sentence is one sentence of a paragraph, and the numbers of the lines on which it starts and
// ends.
type sentence struct {
	words       []string
	first, last int
}

func (s sentence) String() string { return strings.Join(s.words, " ") }

// abbreviations end with a dot that does not end a sentence.
const abbreviations = " e.g. i.e. etc. vs. cf. approx. no. "

var (
	codeSpan  = regexp.MustCompile("`[^`]+`")
	endOfWord = regexp.MustCompile(`[.?!]["')\]”’*_]*$`)
)

// sentences splits a paragraph.
// A sentence ends with a dot, a question mark or an exclamation mark, or with its paragraph.
func (p paragraph) sentences() []sentence {
	var all []sentence
	var open sentence
	words := p.split()
	for i, w := range words {
		if len(open.words) == 0 {
			open.first = w.first
		}
		open.words = append(open.words, w.text)
		open.last = w.last
		if i == len(words)-1 || ends(w.text, words[i+1].text) {
			all = append(all, open)
			open = sentence{}
		}
	}
	return all
}

// split returns the words of a paragraph.
// A span of code is one word.
func (p paragraph) split() []word {
	const space, newline = "\x00", "\x01"
	var texts []string
	for _, l := range p {
		texts = append(texts, l.text)
	}
	hidden := codeSpan.ReplaceAllStringFunc(strings.Join(texts, "\n"), func(code string) string {
		return strings.NewReplacer(" ", space, "\n", newline).Replace(code)
	})
	var words []word
	at := 0
	for text := range strings.SplitSeq(hidden, "\n") {
		for _, field := range strings.Fields(text) {
			end := at + strings.Count(field, newline)
			shown := strings.NewReplacer(space, " ", newline, " ").Replace(field)
			words = append(words, word{shown, p[at].number, p[end].number})
			at = end
		}
		at++
	}
	return words
}

// ends says whether a word is the last one of a sentence that another word follows.
func ends(text, next string) bool {
	if !endOfWord.MatchString(text) || strings.Contains(abbreviations, " "+strings.Trim(text, `("'`)+" ") {
		return false
	}
	if strings.HasSuffix(text, "...") || len(text) == 2 && unicode.IsUpper(rune(text[0])) {
		return false
	}
	first := []rune(strings.TrimLeft(next, "\"'(“‘*_[`"))
	return len(first) > 0 &&
		(unicode.IsLetter(first[0]) || unicode.IsDigit(first[0]) || strings.ContainsRune("/-.$<", first[0]))
}

// counted is the number of words that have a letter or a digit.
func (s sentence) counted() int {
	count := 0
	for _, w := range s.words {
		if strings.ContainsFunc(w, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			count++
		}
	}
	return count
}
