package prose

import (
	"fmt"
	"regexp"
	"strings"
)

// The limits of rules 3 and 7.
const (
	MaxWords   = 25
	MaxColumns = 100
)

// Finding is a text that breaks a rule.
type Finding struct {
	Line int
	Rule int    // a number of the house style
	Text string // what is wrong, and the text
}

// phrases are the ones that rule 4 forbids.
var phrases = regexp.MustCompile(`(?i)\b(so it is|likewise|in vain|still to come|of its own)\b`)

// Words that make a clause of what follows them.
var (
	always = regexp.MustCompile(`^(What|Whatever|Who|Whoever|Whom|Whose|Whichever|How|Whether|Why)\b`)
	that   = regexp.MustCompile(`^That (an?|the|this|these|its?|they|their|he|we|our|you|your|there|` +
		`no|nothing|nobody|none|one|two|some|something|each|every|all|both|any|another|other|only|` +
		`such|what|who|[\[(A-Z]|\w+s (are|were|have)\b)`)
	where = regexp.MustCompile(`^(Where|Wherever)\b[^,:]*$`)
	later = regexp.MustCompile(`; (what|whatever|who|whoever|whichever) `)
	title = regexp.MustCompile(`^\*\*.*\*\*$`) // a bold sentence, which is a heading
)

// check applies rules 2, 3 and 4 to the sentences of a paragraph.
// A sentence that begins with one of the names may do so: it documents that name.
func (p paragraph) check(names map[string]bool) []Finding {
	var found []Finding
	for _, s := range p.sentences() {
		text := s.String()
		if count := s.counted(); count > MaxWords {
			found = append(found, Finding{s.first, 3, fmt.Sprintf("%d words: %s", count, text)})
		}
		if !names[s.words[0]] && clauseFirst(text) {
			found = append(found, Finding{s.first, 2, text})
		}
		if phrase := phrases.FindString(text); phrase != "" {
			found = append(found, Finding{s.first, 4, fmt.Sprintf("%q: %s", phrase, text)})
		}
	}
	return found
}

// clauseFirst guesses whether the subject of a sentence is a clause.
// "Where …, …" is a condition, and a sentence without a comma has none.
// "That …" is a clause unless a verb or a noun follows.
func clauseFirst(text string) bool {
	if title.MatchString(text) || strings.HasSuffix(strings.TrimRight(text, `"')*_`), "?") {
		return false
	}
	text = strings.TrimLeft(text, `"'(*_`)
	return always.MatchString(text) || that.MatchString(text) || where.MatchString(text) || later.MatchString(text)
}
