package aggregatetest

import (
	"reflect"
	"slices"

	"github.com/fencelog/fencelog/aggregate"
)

// copied returns events that share no map, slice or pointer with those given, as events that were stored and loaded share none. What
// is behind unexported fields stays shared: a codec does not store it either.
func copied[S any](events []aggregate.Event[S]) []aggregate.Event[S] {
	copies := slices.Clone(events)
	for i, e := range copies {
		if e != nil {
			copies[i] = deepCopy(reflect.ValueOf(e)).Interface().(aggregate.Event[S])
		}
	}
	return copies
}

// deepCopy returns a copy of v. Values that contain themselves have none; no codec encodes them.
func deepCopy(v reflect.Value) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	to.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				to.Field(i).Set(deepCopy(v.Field(i)))
			}
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			break
		}
		if v.Kind() == reflect.Interface {
			to.Set(deepCopy(v.Elem()))
			break
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(deepCopy(v.Elem()))
		to.Set(p.Convert(v.Type()))
	case reflect.Array:
		for i := range v.Len() {
			to.Index(i).Set(deepCopy(v.Index(i)))
		}
	case reflect.Slice:
		if v.IsNil() {
			break
		}
		to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			to.Index(i).Set(deepCopy(v.Index(i)))
		}
	case reflect.Map:
		if v.IsNil() {
			break
		}
		to.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for it := v.MapRange(); it.Next(); {
			to.SetMapIndex(it.Key(), deepCopy(it.Value()))
		}
	default: // it refers to nothing
	}
	return to
}
