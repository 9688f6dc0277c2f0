// Package change checks a changed schema against the released ones. May today's programs read what
// was written? May older programs read what will be written?
//
// [Compatibility.Check] compares texts of schemas. The errors name the field, the rule that is
// broken, and the versions on both sides. Package schema/registry gives it the files of a program
// and the versions in a registry, and package schema/schematest does so in a test.
//
// It never talks to a registry, reads a file or knows a Go type.
//
// Its functions may be called by any number of goroutines.
package change
