// Package deepcopy copies values. A copy shares nothing with its original that a codec would store.
package deepcopy

import "reflect"

// Of returns a copy of v that shares no map, slice or pointer with it. The copy shares what
// unexported fields refer to: a codec does not store them either. A value that contains itself has
// no copy; no codec encodes it.
func Of[T any](v T) T {
	from := reflect.ValueOf(&v).Elem()
	return deepCopy(from).Interface().(T)
}

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
