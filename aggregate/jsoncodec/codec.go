package jsoncodec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
)

// revision is that of every event: nothing tells one shape from another.
const revision = 1

// Codec is an [aggregate.Codec] that writes what package encoding/json makes of an event. The zero Codec is ready.
type Codec struct{}

var _ aggregate.Codec = Codec{}

// Bind fails with an *[UnfitError] for each event type with something that JSON does not hold, or that an upcaster
// reads by its revision. The errors are joined.
func (Codec) Bind(_ context.Context, types []event.Type) error {
	var wrong []error
	for _, t := range types {
		if t.Revision != 0 {
			wrong = append(wrong, &UnfitError{
				Type: t, Found: fmt.Sprintf("an upcaster up to revision %d", t.Revision),
				Want: "none, as every event in JSON has revision 1: give the new meaning a new event type, or use package schema",
			})
			continue
		}
		wrong = append(wrong, unfit(t)...)
	}
	return errors.Join(wrong...)
}

// Encode returns the event as JSON, and revision 1. It fails for a text that is no UTF-8, for numbers that are not
// finite, and for what a MarshalJSON of the event's own fails with.
func (Codec) Encode(_ context.Context, _ event.Type, e any) (value []byte, rev int, err error) {
	value, err = json.Marshal(e)
	if err != nil {
		return nil, 0, err
	}
	if replaced(value) {
		return nil, 0, fmt.Errorf("%T: found a text that is not UTF-8, expected one that is: JSON holds no other; use []byte", e)
	}
	return value, revision, nil
}

// Decode reads JSON into the event. Fields that value does not have stay zero; what the event does not have is passed over.
func (Codec) Decode(_ context.Context, _ event.Type, value []byte, into any) error {
	return json.Unmarshal(value, into)
}

// replaced reports whether a text was changed on its way into JSON: package encoding/json writes \ufffd for bytes that are
// no UTF-8, and the character itself where that was in the text.
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
