package schema_test

import "github.com/fencelog/fencelog/schema"

// kindOf returns the kind by which a reader of events decides, for a reason of Decode. It returns
// nil for a mistake of the caller.
func kindOf(reason error) error {
	switch reason {
	case schema.ErrTooShort, schema.ErrMagicByte, schema.ErrMalformed, schema.ErrTrailingBytes:
		return schema.ErrDamaged
	case schema.ErrWrongRecord, schema.ErrIncompatible, schema.ErrUnsupported, schema.ErrInvalidSchema:
		return schema.ErrRevision
	case schema.ErrNotFound:
		return schema.ErrUnknownID
	case schema.ErrUnavailable, schema.ErrUnauthorized:
		return schema.ErrUnavailable
	}
	return nil
}
