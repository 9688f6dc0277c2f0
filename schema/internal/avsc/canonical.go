package avsc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Canonical returns a schema in the one form by which schemas are told apart. It fails if text is
// no schema. Everything in a schema counts, documentation too, but for white space and spelling:
//
//   - The keys of objects are in order.
//   - Types and names are spelled as Avro's Java library, and so Confluent's registry, spells them:
//     {"type": "string"} is "string". A name stands apart from its namespace, which is left out if
//     it is the one around it.
func Canonical(text string) (string, error) {
	if err := Check(text); err != nil {
		return "", err
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("not JSON: something follows the schema")
	}
	canonical, err := json.Marshal(spell(v, ""))
	return string(canonical), err
}

// spell returns the schema v, within a namespace, in the one form. It changes v.
func spell(v any, namespace string) any {
	switch v := v.(type) {
	case string:
		if short, ok := strings.CutPrefix(v, namespace+"."); ok && !strings.Contains(short, ".") {
			return short
		}
	case []any:
		for i := range v {
			v[i] = spell(v[i], namespace)
		}
	case map[string]any:
		return spellObject(v, namespace)
	}
	return v
}

func spellObject(o map[string]any, namespace string) any {
	kind, _ := o["type"].(string)
	switch {
	case slices.Contains([]string{KindRecord, "error", KindEnum, KindFixed}, kind):
		within := spellName(o, namespace)
		fields, _ := o["fields"].([]any)
		for _, f := range fields {
			if field, ok := f.(map[string]any); ok {
				field["type"] = spell(field["type"], within)
			}
		}
	case kind == KindArray:
		o["items"] = spell(o["items"], namespace)
	case kind == KindMap:
		o["values"] = spell(o["values"], namespace)
	case len(o) == 1:
		return spell(o["type"], namespace)
	}
	return o
}

// spellName sets a type's name apart from its namespace, and returns the namespace. It leaves the
// namespace out if it is the one around it.
func spellName(o map[string]any, around string) (namespace string) {
	name, _ := o["name"].(string)
	namespace, given := o["namespace"].(string)
	if !given {
		namespace = around
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		namespace, o["name"] = name[:i], name[i+1:]
	}
	o["namespace"] = namespace
	if namespace == around {
		delete(o, "namespace")
	}
	return namespace
}
