package jsoncodec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
)

// revision is the one of every event: nothing tells one shape from another.
const revision = 1

// Codec is an [aggregate.Codec] that writes an event as package encoding/json does. The zero Codec
// is ready.
type Codec struct{}

var _ aggregate.Codec = Codec{}

// Bind fails with an *[UnfitError] for each event type that JSON cannot hold, and for each that an
// upcaster reads by its revision. The errors are joined.
func (Codec) Bind(_ context.Context, types []event.Type) error {
	var wrong []error
	for _, t := range types {
		if t.Revision != 0 {
			wrong = append(wrong, &UnfitError{
				Type: t, Found: fmt.Sprintf("an upcaster up to revision %d", t.Revision),
				Want: "none, as every event in JSON has revision 1: give the new meaning a new event type, " +
					"or use package schema",
			})
			continue
		}
		wrong = append(wrong, unfit(t)...)
	}
	return errors.Join(wrong...)
}

// Encode returns the event as JSON, and revision 1. It fails if
//   - a text is no UTF-8;
//   - a number is not finite;
//   - the event's own MarshalJSON fails.
func (Codec) Encode(_ context.Context, _ event.Type, e any) (value []byte, rev int, err error) {
	value, err = json.Marshal(e)
	if err != nil {
		return nil, 0, err
	}
	if replaced(value) {
		return nil, 0, fmt.Errorf(
			"%T: found a text that is not UTF-8, expected one that is: JSON holds no other; use []byte", e)
	}
	return value, revision, nil
}

// Decode reads JSON into the event. Fields that value does not have stay zero. It passes over what
// the event does not have.
func (Codec) Decode(_ context.Context, _ event.Type, value []byte, into any) error {
	return json.Unmarshal(value, into)
}

// replaced reports whether package encoding/json changed a text on its way into JSON. The package
// writes \ufffd for bytes that are no UTF-8. It writes the character itself if the text had that
// character.
func replaced(value []byte) bool {
	const escape = `ufffd`
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' {
			continue
		}
		i++ // what is escaped, which may be a backslash
		if i+len(escape) <= len(value) && string(value[i:i+len(escape)]) == escape {
			return true
		}
	}
	return false
}
