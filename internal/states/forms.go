package states

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"reflect"
	"time"
	"unsafe"
)

// builder makes the forms of a state's types.
type builder struct {
	state  reflect.Type
	forms  map[reflect.Type]*form
	order  []reflect.Type // of the forms
	failed error
}

// form returns the form of a type. A type that contains itself has one form.
func (b *builder) form(t reflect.Type, path string) *form {
	if f := b.forms[t]; f != nil {
		return f
	}
	f := &form{}
	b.forms[t] = f
	b.order = append(b.order, t)
	switch {
	case isTime(t):
		f.put, f.get = putTime, getTime
	case t.Kind() == reflect.Struct && !supported(t, make(map[reflect.Type]bool)) && marshals(t):
		*f = formOfMarshaler(t)
	default:
		b.fill(f, t, path)
	}
	return f
}

func isTime(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.ConvertibleTo(reflect.TypeFor[time.Time]())
}

// marshals reports whether a type encodes itself.
func marshals(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[marshaler]())
}

// supported reports whether the values of a type can be encoded by their parts.
func supported(t reflect.Type, within map[reflect.Type]bool) bool {
	part := func(t reflect.Type) bool {
		return isTime(t) || supported(t, within) || t.Kind() == reflect.Struct && marshals(t)
	}
	if within[t] {
		return true
	}
	within[t] = true
	switch t.Kind() {
	case reflect.Struct:
		if isHandle(t) {
			return false
		}
		for i := range t.NumField() {
			if !part(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array, reflect.Slice, reflect.Pointer:
		return part(t.Elem())
	case reflect.Map:
		return part(t.Key()) && part(t.Elem())
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	default:
		return true
	}
}

// layout returns a number that stands for all the types.
func (b *builder) layout() uint64 {
	h := fnv.New64a()
	for _, t := range b.order {
		fmt.Fprintf(h, "%s %s %s %d\n", t.PkgPath(), t, t.Kind(), t.Size()) // a hash never fails
		for i := 0; t.Kind() == reflect.Struct && i < t.NumField(); i++ {
			fmt.Fprintf(h, "%s %s\n", t.Field(i).Name, t.Field(i).Type)
		}
	}
	return h.Sum64()
}

func (b *builder) fill(f *form, t reflect.Type, path string) {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32,
		reflect.Float64, reflect.Complex64, reflect.Complex128:
		*f = formOfNumber(t)
	case reflect.String:
		f.put = func(w *writer, v reflect.Value) {
			w.number(uint64(v.Len()))
			w.b = append(w.b, v.String()...)
		}
		f.get = func(r *reader, v reflect.Value) { v.SetString(string(r.take())) }
	case reflect.Struct:
		if isHandle(t) {
			b.unsupported(t, path)
			return
		}
		b.fillStruct(f, t, path)
	case reflect.Array:
		b.fillArray(f, t, path)
	case reflect.Slice:
		b.fillSlice(f, t, path)
	case reflect.Map:
		b.fillMap(f, t, path)
	case reflect.Pointer:
		b.fillPointer(f, t, path)
	default:
		b.unsupported(t, path)
	}
}

func (b *builder) unsupported(t reflect.Type, path string) {
	if b.failed == nil {
		b.failed = &UnsupportedError{Type: b.state, Path: path, Found: t}
	}
}

// formOfNumber returns the form of a number or a truth.
func formOfNumber(t reflect.Type) form {
	switch {
	case t.Kind() == reflect.Bool:
		return form{
			put: func(w *writer, v reflect.Value) {
				n := uint64(0)
				if v.Bool() {
					n = 1
				}
				w.number(n)
			},
			get: func(r *reader, v reflect.Value) { v.SetBool(r.number() == 1) },
		}
	case reflect.Zero(t).CanInt():
		return form{
			put: func(w *writer, v reflect.Value) { w.number(zigzag(v.Int())) },
			get: func(r *reader, v reflect.Value) {
				n := unzigzag(r.number())
				if v.OverflowInt(n) {
					r.fail()
				}
				v.SetInt(n)
			},
		}
	case reflect.Zero(t).CanUint():
		return form{
			put: func(w *writer, v reflect.Value) { w.number(v.Uint()) },
			get: func(r *reader, v reflect.Value) {
				n := r.number()
				if v.OverflowUint(n) {
					r.fail()
				}
				v.SetUint(n)
			},
		}
	case reflect.Zero(t).CanFloat():
		return form{
			put: func(w *writer, v reflect.Value) { putFloat(w, v.Float()) },
			get: func(r *reader, v reflect.Value) { v.SetFloat(r.float()) },
		}
	default:
		return form{
			put: func(w *writer, v reflect.Value) {
				putFloat(w, real(v.Complex()))
				putFloat(w, imag(v.Complex()))
			},
			get: func(r *reader, v reflect.Value) {
				re := r.float()
				v.SetComplex(complex(re, r.float()))
			},
		}
	}
}

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

func (b *builder) fillStruct(f *form, t reflect.Type, path string) {
	fields := make([]*form, t.NumField())
	for i := range fields {
		fields[i] = b.form(t.Field(i).Type, join(path, t.Field(i).Name))
	}
	f.put = func(w *writer, v reflect.Value) {
		for i, field := range fields {
			field.put(w, open(v.Field(i)))
		}
	}
	f.get = func(r *reader, v reflect.Value) {
		for i, field := range fields {
			field.get(r, open(v.Field(i)))
		}
	}
}

// open returns the value of a field that can be read and set, also if the field is not exported.
func open(v reflect.Value) reflect.Value {
	if v.CanSet() {
		return v
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

func (b *builder) fillArray(f *form, t reflect.Type, path string) {
	elem := b.form(t.Elem(), path+"[0]")
	f.put = func(w *writer, v reflect.Value) {
		for i := range v.Len() {
			elem.put(w, v.Index(i))
		}
	}
	f.get = func(r *reader, v reflect.Value) {
		for i := 0; i < v.Len() && r.failed == nil; i++ {
			elem.get(r, v.Index(i))
		}
	}
}

// fillSlice makes the form of a slice: 0 for nil, or its length and 1, and the elements. What a
// slice has behind its length is left out: an append finds no room there, and writes elsewhere.
func (b *builder) fillSlice(f *form, t reflect.Type, path string) {
	elem, size := b.form(t.Elem(), path+"[0]"), t.Elem().Size()
	isBytes := t.Elem().Kind() == reflect.Uint8
	f.put = func(w *writer, v reflect.Value) {
		if v.IsNil() {
			w.number(0)
			return
		}
		w.refers(v.UnsafePointer(), uintptr(v.Cap())*size)
		w.number(uint64(v.Len()) + 1)
		if isBytes {
			w.b = append(w.b, v.Bytes()...)
			return
		}
		w.deeper(func() {
			for i := 0; i < v.Len() && !w.full(); i++ {
				elem.put(w, v.Index(i))
			}
		})
	}
	f.get = func(r *reader, v reflect.Value) {
		n := r.number()
		if n == 0 {
			return
		}
		if n--; size > 0 && n > uint64(len(r.left)) || n > maxVisits { // each element takes a byte
			r.fail()
			return
		}
		list := reflect.MakeSlice(t, int(n), int(n))
		v.Set(list)
		if isBytes {
			copy(list.Bytes(), r.left[:n])
			r.left = r.left[n:]
			return
		}
		r.deeper(func() {
			for i := 0; i < int(n) && r.failed == nil; i++ {
				elem.get(r, list.Index(i))
			}
		})
	}
}

func (b *builder) fillMap(f *form, t reflect.Type, path string) {
	key, elem := b.form(t.Key(), path+" (key)"), b.form(t.Elem(), path+"[…]")
	f.put = func(w *writer, v reflect.Value) {
		if !w.share(v) {
			return
		}
		w.number(uint64(v.Len()))
		k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		w.deeper(func() {
			for it := v.MapRange(); it.Next() && !w.full(); {
				k.SetIterKey(it)
				e.SetIterValue(it)
				key.put(w, k)
				elem.put(w, e)
			}
		})
	}
	f.get = func(r *reader, v reflect.Value) {
		if !r.share(v) {
			return
		}
		n := r.number()
		if n > uint64(len(r.left)) { // each entry takes a byte
			if n > 1 || t.Key().Size()+t.Elem().Size() > 0 {
				r.fail()
				return
			}
		}
		m := reflect.MakeMapWithSize(t, int(n))
		v.Set(m)
		r.seen = append(r.seen, m)
		r.deeper(func() {
			for i := uint64(0); i < n && r.failed == nil; i++ {
				k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				key.get(r, k)
				elem.get(r, e)
				if r.failed == nil {
					m.SetMapIndex(k, e)
				}
			}
		})
	}
}

func (b *builder) fillPointer(f *form, t reflect.Type, path string) {
	elem, size := b.form(t.Elem(), path), t.Elem().Size()
	f.put = func(w *writer, v reflect.Value) {
		if !w.share(v) {
			return
		}
		w.refers(v.UnsafePointer(), size)
		w.deeper(func() { elem.put(w, v.Elem()) })
	}
	f.get = func(r *reader, v reflect.Value) {
		if !r.share(v) {
			return
		}
		p := reflect.New(t.Elem())
		if p.Type() != t {
			p = p.Convert(t)
		}
		v.Set(p)
		r.seen = append(r.seen, p)
		r.deeper(func() { elem.get(r, p.Elem()) })
	}
}

// formOfMarshaler returns the form of a type that encodes itself. What it makes of its bytes must
// be the same again, as far as anybody can tell.
func formOfMarshaler(t reflect.Type) form {
	return form{
		put: func(w *writer, v reflect.Value) {
			b, err := v.Addr().Interface().(marshaler).MarshalBinary()
			if err == nil {
				again := reflect.New(t)
				if err = again.Interface().(marshaler).UnmarshalBinary(bytes.Clone(b)); err == nil &&
					!reflect.DeepEqual(v.Interface(), again.Elem().Interface()) {
					err = fmt.Errorf("%s: UnmarshalBinary does not make again what MarshalBinary was called on", t)
				}
			}
			if err != nil && w.failed == nil {
				w.failed = err
			}
			w.number(uint64(len(b)))
			w.b = append(w.b, b...)
		},
		get: func(r *reader, v reflect.Value) {
			b := r.take()
			if r.failed != nil {
				return
			}
			if err := v.Addr().Interface().(marshaler).UnmarshalBinary(bytes.Clone(b)); err != nil {
				r.failed = err
			}
		},
	}
}
