package generic

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/schema/internal/avsc"
)

// Record is the record that a value holds.
type Record struct {
	SchemaID int
	Name     string // of the record's schema, with its namespace
	Fields   Fields
}

// Fields are the fields of a record in the order of its schema, or the entries of a map in the
// order of their keys. They are a JSON object that keeps the order.
type Fields []Field

// Field is a field of a record, or an entry of a map.
type Field struct {
	Name string

	// Value is nil, a bool, an int64, a float64, a string, a []any of values, or Fields.
	//
	//   - Bytes and fixed are strings of hexadecimal digits. A decimal is a string of its digits. A
	//     float that JSON does not have is the string NaN, Infinity or -Infinity.
	//   - A timestamp, a date and a time of day are strings of RFC 3339. A local timestamp has no
	//     offset. A duration has the fields months, days and milliseconds.
	//   - A union of null and one other type is that value. Any other union is the value in Fields
	//     that have one field, which is named after the branch.
	Value any
}

// MarshalJSON implements [json.Marshaler]. It leaves the characters of HTML as they are.
func (f Fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	encode := func(v any) error {
		err := e.Encode(v)
		b.Truncate(b.Len() - 1) // the line's end
		return err
	}
	b.WriteByte('{')
	for i, field := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encode(field.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encode(field.Value); err != nil {
			return nil, fmt.Errorf("field %q: %w", field.Name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// value returns what the library has decoded as a value of [Field]. Bare names in n are of the
// namespace.
func (w *writer) value(n *avro.SchemaNode, namespace string, v any) any {
	if named := w.names.Lookup(n.Type, namespace); named != nil {
		n = named
	}
	if n.Name != "" {
		namespace = avsc.NamespaceOf(n)
	}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		if n.Items == nil {
			return v
		}
		all := make([]any, len(v))
		for i := range v {
			all[i] = w.value(n.Items, namespace, v[i])
		}
		return all
	case map[string]any:
		return w.fields(n, namespace, v)
	}
	if n.Type == avsc.KindUnion { // the library has left a branch without its name
		return scalar(&avro.SchemaNode{}, v)
	}
	return scalar(n, v)
}

// fields is value of a record, a map or a union.
func (w *writer) fields(n *avro.SchemaNode, namespace string, v map[string]any) any {
	switch {
	case n.Type == avsc.KindUnion:
		return w.union(n, namespace, v)
	case n.Values != nil:
		all := make(Fields, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, Field{key, w.value(n.Values, namespace, v[key])})
		}
		return all
	}
	all := make(Fields, len(n.Fields))
	for i := range n.Fields {
		f := &n.Fields[i]
		all[i] = Field{f.Name, w.value(&f.Type, namespace, v[f.Name])}
	}
	return all
}

// union returns the value of the branch that v names.
func (w *writer) union(n *avro.SchemaNode, namespace string, v map[string]any) any {
	others := 0
	for i := range n.Branches {
		if n.Branches[i].Type != "null" {
			others++
		}
	}
	for i := range n.Branches {
		b := &n.Branches[i]
		name := b.Type
		if named := w.names.Lookup(b.Type, namespace); named != nil {
			name = avsc.FullName(named)
		} else if b.Name != "" {
			name = avsc.FullName(b)
		}
		inside, has := v[name]
		if !has || len(v) != 1 {
			continue
		}
		value := w.value(b, namespace, inside)
		if others == 1 {
			return value
		}
		return Fields{{name, value}}
	}
	return fmt.Sprint(v) // no branch has such a name, which the library rules out
}

// The layouts of times.
const (
	dateLayout  = "2006-01-02"
	localLayout = "2006-01-02T15:04:05.999999999"
	clockLayout = "15:04:05.999999999"
)

// scalar is value of everything that has no parts.
func scalar(n *avro.SchemaNode, v any) any {
	switch v := v.(type) {
	case bool, string, int64:
		return v
	case int32:
		return int64(v)
	case float32:
		return number(float64(v), 32)
	case float64:
		return number(v, 64)
	case []byte:
		return hex.EncodeToString(v)
	case [16]byte:
		return uuid.UUID(v).String()
	case *big.Rat:
		return decimal(n, v)
	case time.Time:
		switch {
		case n.LogicalType == "date":
			return v.Format(dateLayout)
		case strings.HasPrefix(n.LogicalType, "local-"):
			return v.Format(localLayout)
		}
		return v.Format(time.RFC3339Nano)
	case time.Duration:
		return time.Unix(0, 0).UTC().Add(v).Format(clockLayout)
	case avro.Duration:
		return Fields{
			{"months", int64(v.Months)}, {"days", int64(v.Days)}, {"milliseconds", int64(v.Milliseconds)},
		}
	}
	return fmt.Sprint(v)
}

// number returns f, or its name if JSON does not have it. bits is its size.
func number(f float64, bits int) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	shortest, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, bits), 64)
	if err != nil {
		return f
	}
	return shortest
}

// decimal returns all digits of r. A decimal has as many behind the point as its schema says.
func decimal(n *avro.SchemaNode, r *big.Rat) string {
	if n.LogicalType == "decimal" {
		return r.FloatString(n.Scale)
	}
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}
