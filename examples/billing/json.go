package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds how deep the values of a body may be nested.
const maxDepth = 32

// strictJSON reads a body. It refuses
//   - a name that is there twice, and a name that is unknown or in another case;
//   - bytes that are no UTF-8;
//   - null;
//   - values that are nested deeper than maxDepth;
//   - anything behind the value.
//
// The API library reads a body twice: first into an any, which it checks against the schema, then
// into the type. If the first reading fails, the request is malformed. If the second one fails, the
// request is invalid.
func strictJSON(data []byte, into any) error {
	if loose, ok := into.(*any); ok {
		if err := wellFormed(data); err != nil {
			return err
		}
		return json.Unmarshal(data, loose)
	}
	if at, ok := null(data); ok {
		return fmt.Errorf("null at %s: leave the name out instead", at)
	}
	err := json.Unmarshal(data, into, json.RejectUnknownMembers(true))
	var wrong *json.SemanticError
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &wrong):
		return fmt.Errorf("unexpected name at %s: names are exact, upper and lower case too", wrong.JSONPointer)
	case errors.As(err, &wrong): // without the name of the Go type
		return fmt.Errorf("unexpected value at %s", wrong.JSONPointer)
	}
	return err
}

// wellFormed returns what is wrong with data as JSON, or nil.
func wellFormed(data []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		_, err := d.ReadToken()
		var wrong *jsontext.SyntacticError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &wrong):
			return fmt.Errorf("the name at %s is there twice", wrong.JSONPointer)
		case errors.As(err, &wrong):
			return fmt.Errorf("no JSON at byte %d: %w", wrong.ByteOffset, wrong.Err)
		case err != nil:
			return err
		case d.StackDepth() > maxDepth:
			return fmt.Errorf("values in each other deeper than %d at byte %d", maxDepth, d.InputOffset())
		case d.StackDepth() == 0 && len(bytes.TrimLeft(data[d.InputOffset():], " \t\r\n")) > 0:
			return fmt.Errorf("something follows the JSON value, at byte %d", d.InputOffset())
		}
	}
}

// null returns the place of the first null, and whether there is one.
func null(data []byte) (jsontext.Pointer, bool) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		switch token, err := d.ReadToken(); {
		case err != nil:
			return "", false
		case token.Kind() == 'n':
			return d.StackPointer(), true
		}
	}
}

func jsonFormat() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: strictJSON}
}
