package hamba

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"time"
)

var errTime = errors.New("a time is beyond what a timestamp in microseconds can say")

// times says where a Go type has times. The library turns a time that is too far away into another
// one.
type times struct {
	kind   reflect.Kind // Invalid: it is a time
	fields []int
	parts  []*times // of the fields, or the one element
}

// timesOf returns nil if there are none in g.
func timesOf(g reflect.Type, seen map[reflect.Type]*times) *times {
	if g == reflect.TypeFor[time.Time]() {
		return &times{}
	}
	if t, ok := seen[g]; ok {
		return t
	}
	t := &times{kind: g.Kind()}
	switch g.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		elem := timesOf(g.Elem(), seen)
		if elem == nil {
			return nil
		}
		t.parts = []*times{elem}
	case reflect.Struct:
		seen[g] = t // it may contain itself
		for i := range g.NumField() {
			if name, _, _ := strings.Cut(g.Field(i).Tag.Get(tagKey), ","); name == "" || name == "-" {
				continue
			}
			if part := timesOf(g.Field(i).Type, seen); part != nil {
				t.fields, t.parts = append(t.fields, i), append(t.parts, part)
			}
		}
		if len(t.fields) == 0 {
			seen[g] = nil
			return nil
		}
	default:
		return nil
	}
	return t
}

// fit reports whether every time in v fits into microseconds.
func (t *times) fit(v reflect.Value) bool {
	switch t.kind {
	case reflect.Struct:
		for i, field := range t.fields {
			if !t.parts[i].fit(v.Field(field)) {
				return false
			}
		}
	case reflect.Pointer:
		return v.IsNil() || t.parts[0].fit(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if !t.parts[0].fit(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if !t.parts[0].fit(entries.Value()) {
				return false
			}
		}
	default: // a time
		const furthest = math.MaxInt64 / int64(time.Second/time.Microsecond)
		seconds := v.Interface().(time.Time).Unix()
		return -furthest < seconds && seconds < furthest
	}
	return true
}
