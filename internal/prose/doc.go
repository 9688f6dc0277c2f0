// Package prose checks the sentences of comments and documents.
// It knows four rules, which it names by their numbers in the house style.
//
//   - Rule 2: no clause is the subject of a sentence.
//   - Rule 3: a sentence has at most [MaxWords] words.
//   - Rule 4: a sentence has none of the phrases that hide who does what.
//   - Rule 7: a comment has at most [MaxColumns] columns, and a document has one sentence a line.
//
// A paragraph or an item of a list consists of sentences.
// Code, examples, tables, headings and directives are not sentences, and the package skips them.
//
// The package never changes a text, and it does not understand one: rule 2 is a guess.
// The golangci-lint rule lll holds the length of lines of code.
//
// All functions may be called concurrently.
package prose
