package schema

import (
	"encoding"
	"reflect"
	"unicode/utf8"

	"github.com/twmb/avro"
)

func marshalsText(g reflect.Type) bool {
	return reflect.PointerTo(g).Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// textOf finds strings that are not UTF-8. Avro's strings are UTF-8, and readers in other languages
// fail on others. No Avro library for Go checks that. textOf looks at the text that is stored. For
// a type with MarshalText that is the text that the method returns.
func textOf(g reflect.Type, n *avro.SchemaNode) *parts {
	switch {
	case n.Type != "string":
		return nil
	case marshalsText(g):
		return &parts{wrong: func(v reflect.Value) string {
			if text, err := marshaled(v); err == nil && !utf8.Valid(text) {
				return notText
			}
			return "" // one that fails to marshal is left to the Avro library, which fails too
		}}
	}
	return &parts{text: true, wrong: func(v reflect.Value) string { return wrongText(v.String()) }}
}

const notText = "is not UTF-8, which an Avro string is; make it \"bytes\" if it is no text"

func wrongText(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return notText
}

// validText is utf8.ValidString, and faster for a short text in ASCII, such as a name.
func validText(s string) bool {
	const short = 32
	if len(s) > short {
		return utf8.ValidString(s)
	}
	var all byte
	for i := range len(s) {
		all |= s[i]
	}
	return all < utf8.RuneSelf || utf8.ValidString(s)
}

// marshaled returns what v, which is addressable, is stored as. Its type has MarshalText, perhaps
// with a pointer receiver.
func marshaled(v reflect.Value) ([]byte, error) {
	m, _ := v.Addr().Interface().(encoding.TextMarshaler)
	return m.MarshalText()
}
