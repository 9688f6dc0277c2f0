package schema

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/twmb/avro"
)

// sameValues returns nil if values of the schema that was asked for and of the one that was answered are the same bytes and mean the
// same. Where they are not, a reader that goes by the id of the answer takes one field for another.
func sameValues(asked, answered string) error {
	one, err := canonicalJSON(asked)
	if err != nil {
		return err
	}
	if other, err := canonicalJSON(answered); err == nil && one == other {
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
	own, others := namedSchema{name: "the schema asked for", root: a.Root()}, namedSchema{name: "the one answered", root: b.Root()}
	if found := append(compare(own, others, true), compare(others, own, true)...); len(found) > 0 {
		return errors.New(found[0].String())
	}
	if !bytes.Equal(a.Canonical(), b.Canonical()) {
		return errors.New("fields, symbols or the types of a union are in another order")
	}
	return nil
}
