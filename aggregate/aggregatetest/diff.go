package aggregatetest

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// diffValues says, field by field, how a differs from b; it returns "" if it does not.
func diffValues(a, b any, nameA, nameB string) string {
	d := differ{nameA: nameA, nameB: nameB}
	d.walk("", reflect.ValueOf(a), reflect.ValueOf(b))
	return d.out.String()
}

type differ struct {
	nameA, nameB string
	out          strings.Builder
}

func (d *differ) walk(path string, a, b reflect.Value) {
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		if a.IsValid() || b.IsValid() {
			d.found(path, a, b)
		}
		return
	}
	if equal, ok := callEqual(a, b); ok {
		if !equal {
			d.found(path, a, b)
		}
		return
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			d.walk(join(path, a.Type().Field(i).Name), a.Field(i), b.Field(i))
		}
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			if a.IsNil() != b.IsNil() {
				d.found(path, a, b)
			}
			return
		}
		d.walk(path, a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			d.found(path, a, b)
			return
		}
		for i := range a.Len() {
			d.walk(path+"["+strconv.Itoa(i)+"]", a.Index(i), b.Index(i))
		}
	case reflect.Map:
		d.walkMap(path, a, b)
	case reflect.Func:
		if a.IsNil() != b.IsNil() {
			d.found(path, a, b)
		}
	default:
		if !a.Equal(b) {
			d.found(path, a, b)
		}
	}
}

func (d *differ) walkMap(path string, a, b reflect.Value) {
	keys := a.MapKeys()
	for _, k := range b.MapKeys() {
		if !a.MapIndex(k).IsValid() {
			keys = append(keys, k)
		}
	}
	sort.Slice(keys, func(i, j int) bool { return text(keys[i]) < text(keys[j]) })
	for _, k := range keys {
		d.walk(path+"["+text(k)+"]", a.MapIndex(k), b.MapIndex(k))
	}
}

func (d *differ) found(path string, a, b reflect.Value) {
	d.out.WriteString(lines(path, text(a), text(b), d.nameA, d.nameB))
}

// callEqual calls a.Equal(b) if the type has such a method and the values may be called.
func callEqual(a, b reflect.Value) (equal, ok bool) {
	if !a.CanInterface() || a.Kind() == reflect.Pointer && (a.IsNil() || b.IsNil()) {
		return false, false
	}
	m := a.MethodByName("Equal")
	if !m.IsValid() || m.Type().NumIn() != 1 || m.Type().In(0) != a.Type() ||
		m.Type().NumOut() != 1 || m.Type().Out(0).Kind() != reflect.Bool {
		return false, false
	}
	return m.Call([]reflect.Value{b})[0].Bool(), true
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

// lines lays a difference out so that the two values stand one below the other.
func lines(path, a, b, nameA, nameB string) string {
	width := max(len(nameA), len(nameB))
	if path != "" {
		path += ": "
	}
	return fmt.Sprintf("  %s%-*s %s\n  %s%-*s %s\n",
		path, width, nameA, a, strings.Repeat(" ", len(path)), width, nameB, b)
}

// render returns v as text, with what pointers point to.
func render(v any) string { return text(reflect.ValueOf(v)) }

func text(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	if s, ok := stringer(v); ok {
		return s
	}
	switch v.Kind() {
	case reflect.Struct:
		fields := make([]string, v.NumField())
		for i := range fields {
			fields[i] = v.Type().Field(i).Name + ": " + text(v.Field(i))
		}
		return v.Type().String() + "{" + strings.Join(fields, ", ") + "}"
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return text(v.Elem())
	case reflect.Slice, reflect.Array:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = text(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		items := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			items = append(items, text(k)+": "+text(v.MapIndex(k)))
		}
		sort.Strings(items)
		return "{" + strings.Join(items, ", ") + "}"
	case reflect.String:
		return strconv.Quote(v.String())
	default:
		return fmt.Sprint(v)
	}
}

// stringer returns the text of a value that is no plain data, such as a time.
func stringer(v reflect.Value) (string, bool) {
	if v.Kind() != reflect.Struct || !v.CanInterface() {
		return "", false
	}
	s, ok := v.Interface().(fmt.Stringer)
	if !ok {
		return "", false
	}
	return s.String(), true
}
