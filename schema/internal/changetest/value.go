package changetest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"time"
)

// A value is what is stored, whatever Go makes of it:
//
//   - bool, int64 or float64;
//   - string, of a string or an enum;
//   - []byte, of bytes or a fixed;
//   - []any, of an array, or of a record in the order of its fields;
//   - map[string]any, chosen, or nil.
type value = any

// chosen is a value of a union.
type chosen struct {
	branch int
	value  value
}

// values returns values of n that are different enough for each change to show in one of them.
func (n *node) values() []value {
	switch n.kind {
	case "null":
		return []value{nil}
	case "boolean":
		return []value{true, false}
	case "int":
		return n.ints(math.MinInt32, math.MaxInt32, 16_777_217) // the last one has more bits than a float
	case "long":
		return n.ints(-62_135_596_800_000, 1<<53+1, math.MaxInt64, math.MinInt64)
	case "float":
		return []value{
			0.0, 1.5, float64(math.MaxFloat32), float64(float32(0.1)), math.Inf(1), math.NaN(),
			math.Copysign(0, -1),
		}
	case "double":
		return []value{0.0, 0.1, math.MaxFloat64, 5e-324, math.Inf(-1), math.NaN()}
	case "string":
		if n.logical == "uuid" {
			return []value{"0189c9c2-7d7a-7bbb-8aaa-111111111111"}
		}
		return []value{"", "é✓😀\x00", strings.Repeat("x", 100)}
	case "bytes":
		if n.logical == "decimal" {
			return []value{[]byte{0}, []byte{0x04, 0xd2}, []byte{0xcf, 0xc7}}
		}
		return []value{[]byte{}, []byte("text"), []byte{0, 0xff, 0xc3}}
	case "fixed":
		b := make([]byte, n.size)
		b[n.size-1] = 0x7e
		return []value{make([]byte, n.size), b}
	case "enum":
		var all []value
		for _, s := range n.symbols {
			all = append(all, s)
		}
		return all
	}
	return n.nested()
}

func (n *node) ints(more ...int64) (all []value) {
	switch {
	case strings.HasPrefix(n.logical, "time-"):
		more = []int64{86_399_999}
	case n.logical == "date":
		more = []int64{-1, 2_932_896} // the last day of the year 9999
	case n.logical != "" && !n.plain:
		more = []int64{-1_000_000, 1_769_938_200_123} // what a time.Time says in every unit
	case n.logical != "" && n.kind == "int":
		more = []int64{-1, math.MaxInt32}
	case n.logical != "":
		more = []int64{-1, 253_402_300_799_999}
	}
	for _, i := range append([]int64{0, 1}, more...) {
		all = append(all, i)
	}
	return all
}

func (n *node) nested() (all []value) {
	switch n.kind {
	case "array":
		of := n.of.values()
		all = append(all, []any{}, of)
	case "map":
		all = append(all, map[string]any{})
		for _, v := range n.of.values() {
			all = append(all, map[string]any{"ké": v})
		}
	case "union":
		for i, branch := range n.branches {
			for _, v := range branch.values() {
				all = append(all, chosen{i, v})
			}
		}
	case "record": // each value of each field, beside the first ones of the others
		first := make([]any, len(n.fields))
		for i, f := range n.fields {
			first[i] = f.typ.values()[0]
		}
		all = append(all, first)
		for i, f := range n.fields {
			for _, v := range f.typ.values()[1:] {
				other := append([]any(nil), first...)
				other[i] = v
				all = append(all, other)
			}
		}
	}
	return all
}

// encode appends the value in Avro's binary form.
func (n *node) encode(dst []byte, v value) []byte {
	switch n.kind {
	case "boolean":
		if v.(bool) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case "int", "long":
		return binary.AppendVarint(dst, v.(int64))
	case "float":
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.(float64))))
	case "double":
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.(float64)))
	case "string":
		return append(binary.AppendVarint(dst, int64(len(v.(string)))), v.(string)...)
	case "bytes":
		return append(binary.AppendVarint(dst, int64(len(v.([]byte)))), v.([]byte)...)
	case "fixed":
		return append(dst, v.([]byte)...)
	case "enum":
		for i, s := range n.symbols {
			if s == v.(string) {
				return binary.AppendVarint(dst, int64(i))
			}
		}
	case "union":
		c := v.(chosen)
		return n.branches[c.branch].encode(binary.AppendVarint(dst, int64(c.branch)), c.value)
	case "record":
		for i, f := range n.fields {
			dst = f.typ.encode(dst, v.([]any)[i])
		}
	case "array":
		if items := v.([]any); len(items) > 0 {
			dst = binary.AppendVarint(dst, int64(len(items)))
			for _, item := range items {
				dst = n.of.encode(dst, item)
			}
		}
		dst = append(dst, 0)
	case "map":
		if entries := v.(map[string]any); len(entries) > 0 {
			dst = binary.AppendVarint(dst, int64(len(entries)))
			for key, entry := range entries {
				dst = n.of.encode(append(binary.AppendVarint(dst, int64(len(key))), key...), entry)
			}
		}
		dst = append(dst, 0)
	}
	return dst
}

// unit returns how many nanoseconds one of the numbers of a logical type is.
func unit(logicalType string) time.Duration {
	switch {
	case logicalType == "date":
		return 24 * time.Hour
	case strings.HasSuffix(logicalType, "-millis"):
		return time.Millisecond
	case strings.HasSuffix(logicalType, "-micros"):
		return time.Microsecond
	}
	return time.Nanosecond
}

// toGo returns the value as a program has it.
func (n *node) toGo(v value) reflect.Value {
	g := n.goType()
	to := reflect.New(g).Elem()
	switch n.kind {
	case "int", "long":
		i := v.(int64)
		switch at := to.Addr().Interface().(type) {
		case *time.Duration:
			*at = time.Duration(i) * unit(n.logical)
		case *time.Time:
			per := int64(time.Second / min(unit(n.logical), time.Second))
			if n.logical == "date" {
				*at = time.Unix(i*int64(unit(n.logical)/time.Second), 0).UTC()
				break
			}
			*at = time.Unix(floorDiv(i, per), (i-floorDiv(i, per)*per)*int64(unit(n.logical))).UTC()
		default:
			to.SetInt(i)
		}
	case "bytes":
		if n.isRat() {
			return reflect.ValueOf(rat(v.([]byte), n.scale))
		}
		to.SetBytes(append([]byte{}, v.([]byte)...))
	case "fixed":
		reflect.Copy(to, reflect.ValueOf(v.([]byte)))
	case "union":
		if c := v.(chosen); n.branches[c.branch].kind != "null" {
			some := n.some().toGo(c.value)
			if some.Type() == g { // a decimal
				return some
			}
			p := reflect.New(g.Elem())
			p.Elem().Set(some)
			return p
		}
	case "record":
		for i, f := range n.fields {
			to.Field(i).Set(f.typ.toGo(v.([]any)[i]))
		}
	case "array":
		to.Set(reflect.MakeSlice(g, 0, 0))
		for _, item := range v.([]any) {
			to = reflect.Append(to, n.of.toGo(item))
		}
	case "map":
		to.Set(reflect.MakeMap(g))
		for key, entry := range v.(map[string]any) {
			to.SetMapIndex(reflect.ValueOf(key), n.of.toGo(entry))
		}
	case "float":
		to.SetFloat(v.(float64))
	default:
		to.Set(reflect.ValueOf(v).Convert(g))
	}
	return to
}

// fromGo returns what a program has as a value.
func (n *node) fromGo(g reflect.Value) value {
	switch n.kind {
	case "int", "long":
		switch at := g.Interface().(type) {
		case time.Duration:
			return exact(int64(at), int64(unit(n.logical)))
		case time.Time:
			nanos := new(big.Int).Add(new(big.Int).Mul(big.NewInt(at.Unix()), big.NewInt(1e9)),
				big.NewInt(int64(at.Nanosecond())))
			count, rest := new(big.Int).QuoRem(nanos, big.NewInt(int64(unit(n.logical))), new(big.Int))
			if rest.Sign() != 0 || !count.IsInt64() {
				return fmt.Sprint(at, " is no whole number of ", n.logical)
			}
			return count.Int64()
		}
		return g.Int()
	case "float", "double":
		return g.Float()
	case "string", "enum":
		return g.String()
	case "boolean":
		return g.Bool()
	case "bytes":
		if n.isRat() {
			return g.Interface().(*big.Rat)
		}
		return append([]byte{}, g.Bytes()...)
	case "fixed":
		b := make([]byte, n.size)
		reflect.Copy(reflect.ValueOf(b), g)
		return b
	case "union":
		for i, branch := range n.branches {
			if (branch.kind == "null") == g.IsNil() {
				if g.IsNil() {
					return chosen{i, nil}
				}
				if !branch.isRat() {
					g = g.Elem()
				}
				return chosen{i, branch.fromGo(g)}
			}
		}
	case "record":
		all := make([]any, len(n.fields))
		for i, f := range n.fields {
			all[i] = f.typ.fromGo(g.Field(i))
		}
		return all
	case "array":
		all := make([]any, g.Len())
		for i := range all {
			all[i] = n.of.fromGo(g.Index(i))
		}
		return all
	case "map":
		all := make(map[string]any)
		for entries := g.MapRange(); entries.Next(); {
			all[entries.Key().String()] = n.of.fromGo(entries.Value())
		}
		return all
	}
	panic("no Go type stands for " + n.kind)
}

func exact(i, of int64) value {
	if i%of != 0 {
		return fmt.Sprint(i, " is no whole number of ", of)
	}
	return i / of
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// rat returns the decimal that the bytes are.
func rat(b []byte, scale int) *big.Rat {
	i := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return new(big.Rat).SetFrac(i, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
}

// fromJSON returns the value of a default.
func (n *node) fromJSON(text string) value {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(fmt.Sprintf("default %s: %v", text, err))
	}
	return n.ofDefault(v)
}

func (n *node) ofDefault(v any) value {
	switch n.kind {
	case "int", "long":
		i, err := v.(json.Number).Int64()
		if err != nil {
			panic(err)
		}
		return i
	case "float", "double":
		f, err := v.(json.Number).Float64()
		if err != nil {
			panic(err)
		}
		if n.kind == "float" {
			f = float64(float32(f))
		}
		return f
	case "bytes", "fixed":
		var b []byte
		for _, r := range v.(string) {
			b = append(b, byte(r))
		}
		return b
	case "union": // of the first that it can be
		for i, branch := range n.branches {
			if (branch.kind == "null") == (v == nil) {
				return chosen{i, branch.ofDefault(v)}
			}
		}
	case "array":
		all := []any{}
		for _, item := range v.([]any) {
			all = append(all, n.of.ofDefault(item))
		}
		return all
	case "map":
		all := make(map[string]any)
		for key, entry := range v.(map[string]any) {
			all[key] = n.of.ofDefault(entry)
		}
		return all
	case "record":
		all := make([]any, len(n.fields))
		for i, f := range n.fields {
			if part, ok := v.(map[string]any)[f.name]; ok {
				all[i] = f.typ.ofDefault(part)
			} else {
				all[i] = f.typ.fromJSON(f.def)
			}
		}
		return all
	}
	return v
}
