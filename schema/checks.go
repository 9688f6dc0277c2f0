package schema

import (
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"github.com/twmb/avro"
)

// checks says where the structs of a type have something to look at. It looks at the fields of the
// struct itself without reflection, which would take longer than the check.
type checks struct {
	typ   reflect.Type
	texts []flatField // that are strings
	times []flatTime  // that are a time.Time
	rest  *parts      // what lies deeper, or is of another type; nil if there is none
}

type flatField struct {
	offset uintptr
	name   string
}

type flatTime struct {
	flatField
	span *timeSpan
}

// newChecks returns nil if a struct of the type, which fits the record, has nothing to look at.
func newChecks(g reflect.Type, record *avro.SchemaNode, find leaf) *checks {
	root := partsOf(g, record, find, wrongText)
	if root == nil {
		return nil
	}
	c := &checks{typ: g}
	rest := &parts{kind: reflect.Struct}
	for _, field := range root.fields {
		flat := flatField{g.Field(field.index).Offset, field.name}
		switch part := field.part; {
		case part.text:
			c.texts = append(c.texts, flat)
		case part.span != nil:
			c.times = append(c.times, flatTime{flat, part.span})
		default:
			rest.fields = append(rest.fields, field)
		}
	}
	if len(rest.fields) > 0 {
		c.rest = rest
	}
	return c
}

// check returns nil, or what is wrong where in the struct that p points to.
func (c *checks) check(p unsafe.Pointer) error {
	if c == nil {
		return nil
	}
	for i := range c.texts {
		if f := &c.texts[i]; !validText(*(*string)(unsafe.Add(p, f.offset))) {
			return fmt.Errorf("field %q %s", f.name, notText)
		}
	}
	for i := range c.times {
		f := &c.times[i]
		if at := (*time.Time)(unsafe.Add(p, f.offset)); !f.span.has(*at) {
			return fmt.Errorf("field %q %s", f.name, f.span.wrong(*at))
		}
	}
	if c.rest != nil {
		return c.rest.check(reflect.NewAt(c.typ, p).Elem())
	}
	return nil
}
