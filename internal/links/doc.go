// Package links says where the links of a document lead, and which anchors and tests it names.
//
// [Links] and [Tests] are what a document refers to, and [Anchors] are what others may refer to.
// [Snippets] are its blocks of Go. Code in a document has no links.
//
// The package never follows a link, and never reads a file: its test does, for every document of
// the module. It understands the part of Markdown that these documents use.
//
// All functions may be called concurrently.
package links
