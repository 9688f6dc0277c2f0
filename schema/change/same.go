package change

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// SameValues compares the schema that was asked for with the one that a registry answered with. It
// returns nil if values of both schemas are the same bytes and mean the same. If they are not, a
// reader that goes by the id of the answer takes one field for another.
//
// The error says what differs first, or that a text is no Avro schema.
func SameValues(asked, answered string) error {
	one, err := avsc.Canonical(asked)
	if err != nil {
		return err
	}
	if other, err := avsc.Canonical(answered); err == nil && one == other {
		return nil
	}
	a, err := avro.Parse(asked)
	if err != nil {
		return err
	}
	b, err := avro.Parse(answered)
	if err != nil {
		return fmt.Errorf("the schema in its answer: %w", err)
	}
	own := namedSchema{name: "the schema asked for", root: a.Root()}
	others := namedSchema{name: "the one answered", root: b.Root()}
	if found := append(compare(own, others, true), compare(others, own, true)...); len(found) > 0 {
		return errors.New(found[0].String())
	}
	if !bytes.Equal(a.Canonical(), b.Canonical()) {
		return errors.New("fields, symbols or the types of a union are in another order")
	}
	return nil
}
