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
	RuleRenamed       Rule = "FIELD_RENAMED"                      // the reader's field has another name in the writer's record, by an alias there
	RuleLossy         Rule = "LOSSY_PROMOTION"                    // the reader's type is wider by Avro's rules, and cannot hold every value
	RuleLogicalType   Rule = "LOGICAL_TYPE_MISMATCH"              // the same bytes would mean something else
	RuleEngine        Rule = "ENGINE_UNSUPPORTED"                 // the Avro library cannot do what the schemas ask for
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
	if slices.ContainsFunc(e.Found, func(i Incompatibility) bool { return i.Rule.isOfType() }) {
		lines = append(lines, "a field keeps its type: add one of the new type beside it, with a default, and write both")
	}
	lines = append(lines, "where the meaning changes, make it a new event type and write an upcaster for the old one")
	return strings.Join(lines, "\n\t")
}

// isOfType reports whether a field has a type that does not go with the one that it had.
func (r Rule) isOfType() bool {
	return slices.Contains([]Rule{RuleType, RuleUnionBranch, RuleFixedSize, RuleLossy, RuleLogicalType}, r)
}

// Unwrap returns ErrIncompatible.
func (e *IncompatibleError) Unwrap() error { return ErrIncompatible }

// Check returns nil if text may follow the versions given, which are those of one subject in order. name is what to
// call text in errors, such as its file.
//
// It is stricter than a registry, because Avro's rules let values change. What passes here is read without an error and unchanged, in the direction
// that the level is about:
//
//   - A field that both schemas have is the same number, text, bytes, symbol, instant, and so within records, arrays, maps and what is optional. So
//     a logical type stays, and a type becomes only one that holds every value: int to long or double, float to double, string to bytes.
//   - A field that has another name on either side, by an alias on either side, is the same field. So a rename passes at the backward levels alone.
//   - No two fields of the writer are, by an alias, one field of the reader.
//
// These are no changes of a value, as the schema says so itself: a field that the reader does not have is left out; a field that the writer does not have is the
// reader's default, also where it was removed; a symbol that the reader does not have is the default of its enum.
//
// Errors: *[IncompatibleError] with everything that was found, [ErrInvalidSchema].
func (c Compatibility) Check(name, text string, versions []Registered) error {
	return c.check(name, text, versions, Twmb{})
}

// check is Check for the engine, or with the rules of a registry if there is none.
func (c Compatibility) check(name, text string, versions []Registered, engine Engine) error {
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
		released.released = true
		if c.backward() {
			e.Found = append(e.Found, compareFor(engine, next, released)...)
		}
		if c.forward() {
			e.Found = append(e.Found, compareFor(engine, released, next)...)
		}
	}
	if len(e.Found) == 0 {
		return nil
	}
	return e
}

// compareFor compares two schemas, and asks the engine what the rules do not find.
func compareFor(engine Engine, reader, writer namedSchema) []Incompatibility {
	found := compare(reader, writer, engine != nil)
	if len(found) > 0 || engine == nil {
		return found
	}
	if err := engine.Reads(reader.text, writer.text); err != nil {
		return []Incompatibility{{Rule: RuleEngine, Reader: reader.name, Writer: writer.name, Detail: err.Error()}}
	}
	return nil
}

// namedSchema is a parsed schema and what to call it.
type namedSchema struct {
	name     string
	root     *avro.SchemaNode
	text     string
	released bool // it stays as it is
}

func parseNode(name, text string) (namedSchema, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return namedSchema{}, fmt.Errorf("%s: %w: %w", name, ErrInvalidSchema, err)
	}
	return namedSchema{name: name, root: s.Root(), text: text}, nil
}
