package hamba

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/schema"
)

// checkDefaults refuses a schema with a default that is a whole number and that a float64 does not
// hold. The library reads such a default by way of a float64.
func checkDefaults(text string) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var s any
	if err := d.Decode(&s); err != nil {
		return err
	}
	if n, ok := inexact(s, false); ok {
		return fmt.Errorf("%w: it reads the default %s by way of a float64, as another number", schema.ErrUnsupported,
			n)
	}
	return nil
}

// inexact returns a number of a default in v, a part of a schema, that the library reads as another
// number. within says that v is itself part of a default.
func inexact(v any, within bool) (n json.Number, ok bool) {
	switch v := v.(type) {
	case json.Number:
		return v, within && !isExact(v)
	case []any:
		for _, part := range v {
			if n, ok := inexact(part, within); ok {
				return n, true
			}
		}
	case map[string]any:
		for key, part := range v {
			if n, ok := inexact(part, within || key == "default"); ok {
				return n, true
			}
		}
	}
	return "", false
}

func isExact(n json.Number) bool {
	whole, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil { // a fraction, which is none of an int or a long
		return true
	}
	const beyond = 1 << 63 // what a float64 makes of the largest numbers
	f := float64(whole)
	return f < beyond && int64(f) == whole
}
