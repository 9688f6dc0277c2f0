package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// canonicalJSON returns text, which must be a schema, in the one form that schemas are told apart by: without white space, with the keys of
// its objects in order, and spelled as Avro's Java library, and so Confluent's registry, spells it: {"type": "string"} is "string", and a name
// has its namespace apart, and only where it is not that around it. Everything else of a schema counts, documentation too.
func canonicalJSON(text string) (string, error) {
	if err := checkText(text); err != nil {
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

// spell returns the schema v, within a namespace, spelled in the one form. It changes v.
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
	case slices.Contains([]string{kindRecord, "error", kindEnum, kindFixed}, kind):
		within := spellName(o, namespace)
		fields, _ := o["fields"].([]any)
		for _, f := range fields {
			if field, ok := f.(map[string]any); ok {
				field["type"] = spell(field["type"], within)
			}
		}
	case kind == kindArray:
		o["items"] = spell(o["items"], namespace)
	case kind == kindMap:
		o["values"] = spell(o["values"], namespace)
	case len(o) == 1:
		return spell(o["type"], namespace)
	}
	return o
}

// spellName sets a type's name apart from its namespace, leaves that away where it is the one around it, and returns it.
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
