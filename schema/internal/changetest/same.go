package changetest

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// changed compares a value wv of w that was written with the value rv of r that was read from it.
// It goes by the definition that change.Compatibility.Check gives. It returns nil if the value is
// unchanged, else where it is not. It looks at what the schemas say, and not at what a library or a
// gate makes of them.
func changed(path string, w *node, wv value, r *node, rv value) error {
	if c, ok := wv.(chosen); ok {
		return changed(path, w.branches[c.branch], c.value, r, rv)
	}
	if c, ok := rv.(chosen); ok {
		return changed(path, w, wv, r.branches[c.branch], c.value)
	}
	differ := fmt.Errorf("%s: %v of %s was read as %v of %s", path, wv, w.kind+" "+w.logical, rv, r.kind+" "+r.logical)
	switch {
	case w.kind == "null" || r.kind == "null":
		if w.kind != r.kind {
			return differ
		}
		return nil
	case w.kind == "record" && r.kind == "record":
		return changedRecord(path, w, wv.([]any), r, rv.([]any))
	case w.kind == "array" && r.kind == "array":
		ws, rs := wv.([]any), rv.([]any)
		if len(ws) != len(rs) {
			return differ
		}
		for i := range ws {
			if err := changed(path+"[]", w.of, ws[i], r.of, rs[i]); err != nil {
				return err
			}
		}
		return nil
	case w.kind == "map" && r.kind == "map":
		ws, rs := wv.(map[string]any), rv.(map[string]any)
		if len(ws) != len(rs) {
			return differ
		}
		for key := range ws {
			if _, ok := rs[key]; !ok {
				return differ
			}
			if err := changed(path+"{}", w.of, ws[key], r.of, rs[key]); err != nil {
				return err
			}
		}
		return nil
	case w.kind == "enum" && r.kind == "enum":
		if !slices.Contains(r.symbols, wv.(string)) {
			wv = r.otherwise
		}
		if wv != rv {
			return differ
		}
		return nil
	}
	if !isSame(w, wv, r, rv) {
		return differ
	}
	return nil
}

func changedRecord(path string, w *node, ws []any, r *node, rs []any) error {
	for i, rf := range r.fields {
		at := path + "." + rf.name
		if j := sourceOf(w, r, rf); j >= 0 {
			if err := changed(at, w.fields[j].typ, ws[j], rf.typ, rs[i]); err != nil {
				return err
			}
			continue
		}
		if rf.def == "" {
			return fmt.Errorf("%s: it was not written, has no default, and was read as %v", at, rs[i])
		}
		if err := changed(at+" (default)", rf.typ, rf.typ.fromJSON(rf.def), rf.typ, rs[i]); err != nil {
			return err
		}
	}
	return nil
}

// sourceOf returns which field of the writer is the reader's. That is the one of its name, else one
// that has another name, by an alias on either side. It is -1 if there is none.
func sourceOf(w, r *node, rf field) int {
	named := func(name string) int { return slices.IndexFunc(w.fields, func(f field) bool { return f.name == name }) }
	for _, name := range append([]string{rf.name}, rf.aliases...) {
		if i := named(name); i >= 0 {
			return i
		}
	}
	return slices.IndexFunc(w.fields, func(wf field) bool {
		taken := slices.ContainsFunc(r.fields, func(f field) bool { return f.name == wf.name })
		return slices.Contains(wf.aliases, rf.name) && !taken
	})
}

// isSame compares scalars: by what they mean where both have a logical type, and else by the
// number, the text or the bytes.
func isSame(w *node, wv value, r *node, rv value) bool {
	if w.logical != "" || r.logical != "" {
		wm, wok := meaning(w, wv)
		rm, rok := meaning(r, rv)
		return wok && rok && wm == rm
	}
	if wf, ok := wv.(float64); ok && math.IsNaN(wf) {
		rf, ok := rv.(float64)
		return ok && math.IsNaN(rf)
	}
	if wn, ok := asNumber(wv); ok {
		rn, ok := asNumber(rv)
		return ok && wn == rn
	}
	if wb, ok := asBytes(wv); ok && w.kind != "fixed" && r.kind != "fixed" {
		rb, ok := asBytes(rv)
		return ok && bytes.Equal(wb, rb)
	}
	if w.kind == "fixed" && r.kind == "fixed" {
		return bytes.Equal(wv.([]byte), rv.([]byte))
	}
	return wv == rv
}

// meaning returns in words what a value of a logical type says. Equal words mean the same.
func meaning(n *node, v value) (string, bool) {
	i, isInt := v.(int64)
	switch {
	case n.logical == "decimal":
		if r, ok := v.(*big.Rat); ok {
			return r.RatString(), true
		}
		b, ok := v.([]byte)
		if !ok {
			return "", false
		}
		return rat(b, n.scale).RatString(), true
	case n.logical == "uuid" && n.kind == "string":
		return fmt.Sprint(v), true
	case n.logical == "date" && isInt && n.kind == "int":
		return fmt.Sprint("day ", i), true
	case isInt && unitIsFor(n):
		kind := n.logical[:strings.LastIndexByte(n.logical, '-')] // without the unit
		return fmt.Sprint(kind, " ", new(big.Int).Mul(big.NewInt(i), big.NewInt(int64(unit(n.logical))))), true
	}
	return fmt.Sprint(n.kind, " ", n.logical, " ", v), true // one that Avro does not know: the same type says the same
}

// unitIsFor reports whether Avro has the logical type for the type.
func unitIsFor(n *node) bool {
	switch n.logical {
	case "time-millis":
		return n.kind == "int"
	case "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		return n.kind == "long"
	}
	return false
}

// asNumber returns a number as a fraction, with the sign of zero.
func asNumber(v value) (string, bool) {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v).RatString(), true
	case float64:
		if r := new(big.Rat).SetFloat64(v); r != nil {
			if v == 0 && math.Signbit(v) {
				return "-0", true
			}
			return r.RatString(), true
		}
		return fmt.Sprint(v), true
	}
	return "", false
}

func asBytes(v value) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true
	case []byte:
		return v, true
	}
	return nil, false
}
