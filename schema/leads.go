package schema

import (
	"reflect"
	"unsafe"
)

// leads are the offsets at which structs of a type have a slice, a map or a pointer. Decoding may
// add to these, or write over their values, so an event in which one is set is emptied before. In
// most events none is set, because they are new, and looking is faster than emptying.
type leads []uintptr

// leadsOf returns those of a type that begins at the offset of the struct.
func leadsOf(g reflect.Type, offset uintptr) (all leads) {
	switch g.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return leads{offset} // of all three the first word is nil, or a pointer
	case reflect.Struct:
		for i := range g.NumField() {
			all = append(all, leadsOf(g.Field(i).Type, offset+g.Field(i).Offset)...)
		}
	default: // of arrays only those of bytes are stored
	}
	return all
}

// any reports whether the struct that p points to leads anywhere.
func (all leads) any(p unsafe.Pointer) bool {
	for _, offset := range all {
		if *(*unsafe.Pointer)(unsafe.Add(p, offset)) != nil {
			return true
		}
	}
	return false
}
