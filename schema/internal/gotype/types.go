package gotype

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// Mismatch is one disagreement of a Go type with its schema.
type Mismatch struct {
	Field  string // dotted path
	Detail string // what was found, what was expected, and what to do
}

// Mismatches collects what is found.
type Mismatches struct{ Found []Mismatch }

// Add adds a mismatch of the field at a path.
func (m *Mismatches) Add(path, format string, args ...any) {
	m.Found = append(m.Found, Mismatch{path, fmt.Sprintf(format, args...)})
}

// Pair is a Go type with the full name of the record, enum or fixed that it stands for.
type Pair struct {
	Go   reflect.Type
	Name string
}

// IsTime reports whether a type is time.Time.
func IsTime(g reflect.Type) bool { return g == reflect.TypeFor[time.Time]() }

// IsDuration reports whether a type is time.Duration.
func IsDuration(g reflect.Type) bool { return g == reflect.TypeFor[time.Duration]() }

// IsString reports whether a type is stored as a string: as it is, or as its methods spell it.
func IsString(g reflect.Type) bool {
	p := reflect.PointerTo(g)
	marshals := p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	unmarshals := p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	return g.Kind() != reflect.Pointer && marshals == unmarshals && (marshals || g.Kind() == reflect.String)
}

// SymbolsOf returns the symbols of a type that is a schema.Enum, and nil of any other type.
func SymbolsOf(g reflect.Type) []string {
	if e, ok := reflect.Zero(g).Interface().(interface{ Symbols() []string }); ok {
		return e.Symbols()
	}
	return nil
}
