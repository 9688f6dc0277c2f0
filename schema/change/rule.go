package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/schema"
)

// Rule is a rule that a change of a schema breaks. The first six have the names that Avro's Java
// library, and so Confluent's registry, gives them. The others are about changes that Avro allows,
// and that are wrong for an event store all the same.
type Rule string

// The rules.
const (
	RuleNoDefault     Rule = "READER_FIELD_MISSING_DEFAULT_VALUE" // the writer lacks a field, which has no default
	RuleType          Rule = "TYPE_MISMATCH"                      // the type changed, and not to a wider one
	RuleName          Rule = "NAME_MISMATCH"                      // a type has another name and no alias
	RuleEnumSymbols   Rule = "MISSING_ENUM_SYMBOLS"               // the reader lacks a symbol, and has no default
	RuleUnionBranch   Rule = "MISSING_UNION_BRANCH"               // the reader's union lacks a type of the writer's
	RuleFixedSize     Rule = "FIXED_SIZE_MISMATCH"                // a fixed has another size
	RuleAlias         Rule = "ALIAS_COLLISION"                    // two fields of the writer are one of the reader
	RuleRenamed       Rule = "FIELD_RENAMED"                      // the writer renamed a field, by an alias there
	RuleLossy         Rule = "LOSSY_PROMOTION"                    // a wider type does not hold every value
	RuleLogicalType   Rule = "LOGICAL_TYPE_MISMATCH"              // the same bytes would mean something else
	RuleEngine        Rule = "ENGINE_UNSUPPORTED"                 // the Avro library cannot do what the schemas ask for
	RuleMissingRecord Rule = "RECORD_MISSING"                     // a released event has no schema file any more
)

// Incompatibility is one part of the values of a writer that a reader cannot read.
type Incompatibility struct {
	Rule Rule
	// Field is a dotted path, with "[]" for the items of an array and "{}" for the values of a map.
	// It is empty for the record itself.
	Field  string
	Reader string // which schema reads, such as "AccountCredited.avsc"
	Writer string // which one wrote, such as "version 2"
	Detail string // what was found on both sides
}

// String names field, rule and both versions.
func (i Incompatibility) String() string {
	where := "the record"
	if i.Field != "" {
		where = fmt.Sprintf("field %q", i.Field)
	}
	if i.Reader == "" {
		return fmt.Sprintf("%s: %s: %s", where, i.Rule, i.Detail)
	}
	return fmt.Sprintf("%s: %s: %s cannot read what %s wrote: %s", where, i.Rule, i.Reader, i.Writer, i.Detail)
}

// IncompatibleError says, all at once, why a schema may not become the next version of its subject.
// It wraps [schema.ErrIncompatible].
type IncompatibleError struct {
	Subject string
	Level   Compatibility
	Found   []Incompatibility
}

// Error lists what was found, a line each, and says what to do.
func (e *IncompatibleError) Error() string {
	lines := make([]string, 0, len(e.Found)+1)
	lines = append(lines, fmt.Sprintf("subject %q: not %s", e.Subject, e.Level))
	for _, i := range e.Found {
		lines = append(lines, i.String())
	}
	if slices.ContainsFunc(e.Found, func(i Incompatibility) bool { return i.Rule.isOfType() }) {
		lines = append(lines,
			"a field keeps its type: add one of the new type beside it, with a default, and write both")
	}
	lines = append(lines, "where the meaning changes, make it a new event type and write an upcaster for the old one")
	return strings.Join(lines, "\n\t")
}

// isOfType reports whether a field has a type that does not go with the one that it had.
func (r Rule) isOfType() bool {
	return slices.Contains([]Rule{RuleType, RuleUnionBranch, RuleFixedSize, RuleLossy, RuleLogicalType}, r)
}

// Unwrap returns [schema.ErrIncompatible].
func (e *IncompatibleError) Unwrap() error { return schema.ErrIncompatible }
