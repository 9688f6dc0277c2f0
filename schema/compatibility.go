package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

// Compatibility says with which earlier versions of its subject a new version must get along, and which way. The
// levels are those of Confluent's registry, under their names there.
type Compatibility string

// The levels. Events are read for ever, so FullTransitive is what suits an event store: today's program
// reads all that was ever written, and an old one, while a new one is deployed beside it, reads what that writes.
const (
	None               Compatibility = "NONE"                // anything goes
	Backward           Compatibility = "BACKWARD"            // the new version reads what the latest one wrote
	BackwardTransitive Compatibility = "BACKWARD_TRANSITIVE" // and what every earlier one wrote
	Forward            Compatibility = "FORWARD"             // the latest version reads what the new one writes
	ForwardTransitive  Compatibility = "FORWARD_TRANSITIVE"  // and so does every earlier one
	Full               Compatibility = "FULL"                // Backward and Forward
	FullTransitive     Compatibility = "FULL_TRANSITIVE"     // BackwardTransitive and ForwardTransitive
)

// Compatibilities returns all levels, the laxest first.
func Compatibilities() []Compatibility {
	return []Compatibility{None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}
}

// ParseCompatibility returns the level of that name, in upper or lower case.
func ParseCompatibility(name string) (Compatibility, error) {
	level := Compatibility(strings.ToUpper(name))
	if !slices.Contains(Compatibilities(), level) {
		return "", fmt.Errorf("found compatibility level %q, expected one of %v", name, Compatibilities())
	}
	return level, nil
}

func (c Compatibility) backward() bool {
	return c == Backward || c == BackwardTransitive || c == Full || c == FullTransitive
}

func (c Compatibility) forward() bool {
	return c == Forward || c == ForwardTransitive || c == Full || c == FullTransitive
}

func (c Compatibility) transitive() bool {
	return c == BackwardTransitive || c == ForwardTransitive || c == FullTransitive
}

// Rule names what a change of a schema breaks. The first six are the names that Avro's Java library, and so Confluent's
// registry, has for them; the others are about what Avro allows, and what is wrong for an event store all the same.
type Rule string

// The rules.
const (
	RuleNoDefault     Rule = "READER_FIELD_MISSING_DEFAULT_VALUE" // the reader's field is not in the writer's record and has no default
	RuleType          Rule = "TYPE_MISMATCH"                      // the type changed, and not to a wider one
	RuleName          Rule = "NAME_MISMATCH"                      // a record, enum or fixed has another name and no alias
	RuleEnumSymbols   Rule = "MISSING_ENUM_SYMBOLS"               // the reader lacks a symbol, and its enum has no default
	RuleUnionBranch   Rule = "MISSING_UNION_BRANCH"               // the reader's union lacks a type of the writer's
	RuleFixedSize     Rule = "FIXED_SIZE_MISMATCH"                // a fixed has another size
	RuleAlias         Rule = "ALIAS_COLLISION"                    // two fields of the writer are one of the reader
	RuleLogicalType   Rule = "LOGICAL_TYPE_MISMATCH"              // the same bytes would mean something else
	RuleMissingRecord Rule = "RECORD_MISSING"                     // a released event has no schema file any more
)

// Incompatibility is one thing that a reader's schema cannot read of what a writer's wrote.
type Incompatibility struct {
	Rule   Rule
	Field  string // dotted path, "[]" for the items of an array and "{}" for the values of a map; empty for the record itself
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

// IncompatibleError says, all at once, why a schema may not become the next version of its subject. It wraps
// [ErrIncompatible].
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
	return strings.Join(lines, "\n\t") +
		"\n\tgive a field that comes or goes a default, rename with an alias, change a type only to a wider one; " +
		"where the meaning changes, make it a new event type and write an upcaster for the old one"
}

// Unwrap returns ErrIncompatible.
func (e *IncompatibleError) Unwrap() error { return ErrIncompatible }

// Check returns nil if text may follow the versions given, which are those of one subject in order. name is what to
// call text in errors, such as its file.
//
// It is stricter than a registry where Avro would let pass what an event store must not: a logical type that changes,
// and a record whose full name changes without an alias. Errors: *[IncompatibleError] with everything that was
// found, [ErrInvalidSchema].
func (c Compatibility) Check(name, text string, versions []Registered) error {
	return c.check(name, text, versions, true)
}

func (c Compatibility) check(name, text string, versions []Registered, strict bool) error {
	next, err := parseNode(name, text)
	if err != nil {
		return err
	}
	if !c.transitive() && len(versions) > 0 {
		versions = versions[len(versions)-1:]
	}
	e := &IncompatibleError{Level: c}
	for _, v := range slices.Backward(versions) {
		e.Subject = v.Subject
		called := fmt.Sprintf("version %d", v.Version)
		released, err := parseNode(called, v.Text)
		if err != nil {
			return err
		}
		if c.backward() {
			e.Found = append(e.Found, compare(next, released, strict)...)
		}
		if c.forward() {
			e.Found = append(e.Found, compare(released, next, strict)...)
		}
	}
	if len(e.Found) == 0 {
		return nil
	}
	return e
}

// namedSchema is a parsed schema and what to call it.
type namedSchema struct {
	name string
	root *avro.SchemaNode
}

func parseNode(name, text string) (namedSchema, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return namedSchema{}, fmt.Errorf("%s: %w: %w", name, ErrInvalidSchema, err)
	}
	return namedSchema{name, s.Root()}, nil
}
