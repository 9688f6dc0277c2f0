package prose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/prose"
)

func TestClauseAsSubject(t *testing.T) {
	for _, text := range []string{
		"What is lost to nobody is claimed again.",
		"What is not saved is read again from Kafka at the next start.",
		"Whatever waits for brokers logs which broker it is.",
		"Whoever got it asks again.",
		"Who waits for a state listens first.",
		"Whose partition it is the group says.",
		"Where it stands the log alone says.",
		"How long a call waits is bounded.",
		"Whether it is there is asked of the log.",
		"Why it is right:",
		"That a command was applied stays true.",
		"That [Open] waits is told.",
		"That records are gone is believed at the third time.",
		`"What is said" is quoted.`,
		"It reads on; what it cannot decode it skips.",
		"It reads on.\nWho asks gets the rest.",
	} {
		require.Equal(t, []int{2}, rules(prose.Markdown([]byte(text))), text)
	}
}

func TestNoClauseAsSubject(t *testing.T) {
	for _, text := range []string{
		"Keep makes the owner claim the partition again when it has lost its claim and no other process has taken it.",
		"What does a reader do?",
		"Where the partitions are shared, the group says whose a partition is.",
		"When a batch is lost, the owner claims again.",
		"If it is gone it stays gone.",
		"That is enough.",
		"That takes microseconds.",
		"That owner reads on.",
		"The log says where it stands.",
		"An error says what was found; the caller decides.",
		"**Why appends are linearizable.**",
		"Whatsoever is a word.",
	} {
		require.Empty(t, prose.Markdown([]byte(text)), text)
	}
}

// TestNamesThatAskQuestions has names of Go that are question words.
func TestNamesThatAskQuestions(t *testing.T) {
	found, err := prose.Go(
		[]byte("package p\n\n// Who returns the owner.\nfunc Who() {}\n\n// Whose is a type.\ntype Whose int\n"))
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestPhrases(t *testing.T) {
	for _, text := range []string{
		"So it is with a claim.", "The other does likewise.", "To ask again is in vain.",
		"Two are still to come.", "A line of its own.",
	} {
		require.Equal(t, []int{4}, rules(prose.Markdown([]byte(text))), text)
	}
	require.Empty(t, prose.Markdown([]byte("It is a vain hope of its owner.")))
}

// TestLength repeats a word until the sentence is too long.
func TestLength(t *testing.T) {
	words := func(count int) string { return strings.TrimSpace(strings.Repeat("word ", count)) }
	for text, tooLong := range map[string]bool{
		words(prose.MaxWords) + ".":                                       false,
		words(prose.MaxWords+1) + ".":                                     true,
		words(prose.MaxWords + 1):                                         true,
		words(20) + ", i.e. the file store.go of 3.5.1, e.g.":             true,
		words(20) + ` "in quotes." ` + words(2) + ".":                     false,
		words(prose.MaxWords-1) + " `code of three words`":                false,
		words(20) + " – " + words(5) + " …":                               false,
		"# " + words(30):                                                  false,
		"| " + words(30) + " |":                                           false,
		"```\n" + words(30) + "\n```":                                     false,
		"Text:\n\n    " + words(30):                                       false,
		"- " + words(20) + "\n- " + words(20):                             false,
		"- " + words(30):                                                  true,
		"1. " + words(20) + "\n\n   " + words(30):                         true,
		"> " + words(30):                                                  true,
		words(20) + "; [link](https://example.org/a.b) " + words(3) + ".": false,
	} {
		require.Equal(t, tooLong, slices.Contains(rules(prose.Markdown([]byte(text))), 3), text)
	}
}

func TestOneSentenceALine(t *testing.T) {
	for text, wrong := range map[string]bool{
		"One sentence.\nAnother one.":                 false,
		"One sentence. Another one.":                  true,
		"One\nsentence.":                              true,
		"One, e.g. This, of version 1. in a. row.":    true,
		"One, e.g. This, of version 1.2 in store.go.": false,
		"One `span. Of\ncode`.":                       true,
		"A list:\n- one\n- two.\n  Three.":            false,
		"A list:\n\n1. one\n   two":                   true,
		"**A heading.**\nText.":                       false,
		"**A heading.** Text.":                        true,
		"Is it? \"Yes.\"":                             true,
		"It is *Good.* (Or not.)":                     true,
		"A set [of links].\n\n[a]: http://a. B. C":    false,
		"| A. B. | C. D. |\n|---|---|\n| E. F. | G |": false,
	} {
		found := rules(prose.Markdown([]byte(text)))
		require.Equal(t, wrong, slices.Contains(found, 7), "%s: %v", text, found)
	}
}

// rules are the numbers of the rules that were broken.
func rules(found []prose.Finding) []int {
	var all []int
	for _, f := range found {
		all = append(all, f.Rule)
	}
	return all
}
