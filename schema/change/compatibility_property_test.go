package change_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

// TestGateAgreesWithAvro draws two schemas of one record. If the gate takes the change, Avro's
// library resolves it, and the new schema reads the values that the old one wrote. If the gate
// refuses it by one of Avro's rules, the library refuses it, too.
func TestGateAgreesWithAvro(t *testing.T) {
	t.Parallel()
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		old, next := drawRecord(t, "Thing", 0), drawRecord(t, "Thing", 0)
		w, err := avro.Parse(old)
		require.NoError(t, err, old)
		r, err := avro.Parse(next)
		require.NoError(t, err, next)
		err = change.Backward.Check("next", next, []schema.Registered{{Version: 1, Text: old}})
		if err != nil {
			refused++
			if onlyByTheGate(err) {
				return
			}
			require.Error(t, avro.CheckCompatibility(w, r), "old %s\nnew %s\nthe gate: %v", old, next, err)
			return
		}
		taken++
		resolved, err := avro.Resolve(w, r)
		require.NoError(t, err, "old %s\nnew %s", old, next)
		bytes, err := w.Encode(drawValue(t, w.Root()))
		require.NoError(t, err, old)
		var got any
		rest, err := resolved.Decode(bytes, &got)
		require.NoError(t, err, "old %s\nnew %s", old, next)
		require.Empty(t, rest)
	})
	require.Positive(t, taken, "the draw is of no use")
	require.Positive(t, refused, "the draw is of no use")
}

// onlyByTheGate reports whether no rule of Avro's was broken.
func onlyByTheGate(err error) bool {
	for part := range strings.SplitSeq(found(err), "; ") {
		rule, _, _ := strings.Cut(part, " ")
		if !slices.Contains([]change.Rule{change.RuleLogicalType, change.RuleLossy, change.RuleRenamed},
			change.Rule(rule)) {
			return false
		}
	}
	return true
}

// drawRecord draws a record with some of three fields, so that two records often have a field in
// common.
func drawRecord(t *rapid.T, name string, depth int) string {
	var fields []string
	for _, f := range []string{"a", "b", "c"} {
		if rapid.IntRange(0, 3).Draw(t, f) == 0 {
			continue
		}
		kind, defaults := drawType(t, name+f, depth)
		more := ""
		// twmb/avro alone gives an optional field without a default the default null.
		if defaults == "null" || len(defaults) > 0 && rapid.Bool().Draw(t, "default") {
			more += `,"default":` + defaults
		}
		switch rapid.IntRange(0, 6).Draw(t, "name") {
		case 0:
			more += `,"aliases":["old_` + f + `"]`
		case 1:
			f = "old_" + f
		case 2: // a writer with both is where aliases collide
			fields = append(fields, fmt.Sprintf(`{"name":"old_%s","type":"int","default":1}`, f))
		}
		fields = append(fields, fmt.Sprintf(`{"name":%q,"type":%s%s}`, f, kind, more))
	}
	return fmt.Sprintf(`{"type":"record","name":%q,"namespace":"n","fields":[%s]}`, name, strings.Join(fields, ","))
}

// drawType draws a type and a default for it.
func drawType(t *rapid.T, name string, depth int) (kind, defaults string) {
	simple := []string{"int", "long", "float", "double", "string", "bytes", "enum", "timestamp"}
	if depth < 2 {
		simple = append(simple, "array", "map", "record", "optional", "optional", "union")
	}
	switch k := rapid.SampledFrom(simple).Draw(t, "type"); k {
	case "int", "long", "float", "double":
		return `"` + k + `"`, "1"
	case "string", "bytes":
		return `"` + k + `"`, `"x"`
	case "enum":
		symbols := rapid.SampledFrom([]string{`"A"`, `"A","B"`, `"B","A"`, `"A","C"`}).Draw(t, "symbols")
		more := rapid.SampledFrom([]string{"", `,"default":"A"`}).Draw(t, "enum default")
		return fmt.Sprintf(`{"type":"enum","name":"E%s","symbols":[%s]%s}`, name, symbols, more), `"A"`
	case "timestamp":
		return `{"type":"long","logicalType":"timestamp-millis"}`, "1"
	case "record":
		return drawRecord(t, "N"+name, depth+1), ""
	case "optional":
		of, _ := drawType(t, name, 2)
		return `["null",` + of + `]`, "null"
	case "union":
		return rapid.SampledFrom([]string{
			`["int","string"]`, `["long","string"]`, `["double","bytes"]`,
			`["string","float","long"]`,
		}).Draw(t, "union"), ""
	default:
		of, _ := drawType(t, name, depth+1)
		if k == "array" {
			return `{"type":"array","items":` + of + `}`, "[]"
		}
		return `{"type":"map","values":` + of + `}`, "{}"
	}
}

// drawValue draws a value of the schema.
func drawValue(t *rapid.T, n *avro.SchemaNode) any {
	switch n.Type {
	case "int":
		return rapid.Int32().Draw(t, "int")
	case "long":
		return rapid.Int64().Draw(t, "long")
	case "float":
		return rapid.Float32().Draw(t, "float")
	case "double":
		return rapid.Float64().Draw(t, "double")
	case "string":
		return rapid.String().Draw(t, "string")
	case "bytes":
		// As a reader may take bytes for a string, they are text.
		return []byte(rapid.String().Draw(t, "bytes"))
	case "enum":
		return rapid.SampledFrom(n.Symbols).Draw(t, "symbol")
	case "array":
		var items []any
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			items = append(items, drawValue(t, n.Items))
		}
		return items
	case "map":
		values := make(map[string]any)
		for i := range rapid.IntRange(0, 2).Draw(t, "values") {
			values[fmt.Sprint(i)] = drawValue(t, n.Values)
		}
		return values
	case "union":
		return drawValue(t, &n.Branches[rapid.IntRange(0, len(n.Branches)-1).Draw(t, "branch")])
	case "record":
		fields := make(map[string]any)
		for i := range n.Fields {
			fields[n.Fields[i].Name] = drawValue(t, &n.Fields[i].Type)
		}
		return fields
	default:
		return nil
	}
}
