package change

import (
	"fmt"
	"slices"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema"
)

// Check returns nil if text may follow the versions, which are those of one subject, in order.
// Errors call text by the name, such as that of its file.
//
// It is stricter than a registry, because Avro's rules let values change. After a change that
// passes here, the values are read without an error and unchanged, in the direction of the level:
//
//   - A field that both schemas have is the same number, text, bytes, symbol or instant. That holds
//     within records, arrays and maps, and for optional values. So a logical type stays. A type
//     becomes only one that holds every value: int to long or double, float to double, string to
//     bytes.
//   - A field that has another name on one side, by an alias on that side, is the same field. So a
//     rename passes at the backward levels alone.
//   - No two fields of the writer are one field of the reader, by an alias.
//
// These are no changes of a value, because the schema says what happens:
//
//   - The reader leaves out a field that it does not have.
//   - If the writer does not have a field, also where the field was removed, the reader's default
//     stands for it.
//   - If the reader does not have a symbol, the default of the enum stands for it.
//
// Check fails
//
//   - with *[IncompatibleError], which has everything that was found, if text may not follow the
//     versions;
//   - with [schema.ErrInvalidSchema] if a text is no Avro schema.
func (c Compatibility) Check(name, text string, versions []schema.Registered) error {
	return c.check(name, text, versions, schema.Twmb{})
}

// CheckFor is Check for programs that decode with another engine, which may refuse a change by
// itself.
func (c Compatibility) CheckFor(engine schema.Engine, name, text string, versions []schema.Registered) error {
	return c.check(name, text, versions, engine)
}

// CheckAvro is Check by Avro's own rules alone, as a registry checks.
func (c Compatibility) CheckAvro(name, text string, versions []schema.Registered) error {
	return c.check(name, text, versions, nil)
}

// check checks by Avro's own rules alone if there is no engine.
func (c Compatibility) check(name, text string, versions []schema.Registered, engine schema.Engine) error {
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
func compareFor(engine schema.Engine, reader, writer namedSchema) []Incompatibility {
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
		return namedSchema{}, fmt.Errorf("%s: %w: %w", name, schema.ErrInvalidSchema, err)
	}
	return namedSchema{name: name, root: s.Root(), text: text}, nil
}
