package schematest_test

import (
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/schematest"
)

// recorder is a test that notes its failures.
type recorder struct {
	testing.TB

	said []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	panic(r)
}

// failures returns what check fails with.
func failures(t *testing.T, check func(testing.TB)) (said []string) {
	t.Helper()
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		said = r.said
	}()
	check(r)
	return r.said
}

const (
	noted1 = `{"type":"record","name":"Noted","namespace":"n","fields":[{"name":"text","type":"string"}]}`
	noted2 = `{"type":"record","name":"Noted","namespace":"n","fields":[{"name":"text","type":"string"},{"name":"by","type":"string","default":""}]}`
	noted3 = `{"type":"record","name":"Noted","namespace":"n","fields":[{"name":"text","type":"long"}]}`
)

func sources(files map[string]string) schema.Sources {
	return schema.Sources{"Note": fileSystem(files)}
}

func fileSystem(files map[string]string) fs.FS {
	all := fstest.MapFS{}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// replaceOnce replaces old, which must be there once.
func replaceOnce(t *testing.T, text, old, with string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, old))
	return strings.Replace(text, old, with, 1)
}

func TestCompatible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"new":        {map[string]string{"Noted.avsc": noted1}, ""},
		"compatible": {map[string]string{"Noted.avsc": noted2, "released/Noted.v1.avsc": noted1}, ""},
		"incompatible": {
			map[string]string{"Noted.avsc": noted3, "released/Noted.v1.avsc": noted1},
			`field "text": TYPE_MISMATCH: Noted.avsc cannot read what version 1 wrote`,
		},
		"gone": {map[string]string{
			"Other.avsc":             strings.ReplaceAll(noted1, "Noted", "Other"),
			"released/Noted.v1.avsc": noted1,
		}, "RECORD_MISSING"},
		"nothing":  {nil, "nothing was checked"},
		"misnamed": {map[string]string{"released/Noted.avsc": noted1}, "released/Noted.avsc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := strings.Join(failures(t, func(tb testing.TB) {
				schematest.Compatible(tb, sources(c.files), change.FullTransitive)
			}), "\n")
			require.Contains(t, said, c.says)
			require.Equal(t, c.says == "", said == "", said)
		})
	}
}

func TestReleased(t *testing.T) {
	t.Parallel()
	require.Empty(t, failures(t, func(tb testing.TB) {
		schematest.Released(tb, sources(map[string]string{"Noted.avsc": noted1, "released/Noted.v1.avsc": noted1}))
	}))
	said := failures(t, func(tb testing.TB) {
		schematest.Released(tb, sources(map[string]string{"Noted.avsc": noted2, "released/Noted.v1.avsc": noted1}))
	})
	require.Len(t, said, 1)
	require.Contains(t, said[0], "copy it to released/Noted.v2.avsc")
}

// Notes is a state.
type Notes []string

type noted struct {
	Text string `avro:"text"`
	By   string `avro:"by"`
}

func (noted) EventType() string { return "Noted" }
func (e noted) Apply(n *Notes)  { *n = append(*n, e.Text) }

func TestGolden(t *testing.T) {
	t.Parallel()
	typ := aggregate.NewType("Note", noted{})
	files := map[string]string{"Noted.avsc": noted2, "released/Noted.v1.avsc": noted1, "released/Noted.v2.avsc": noted2}
	const (
		sum1   = "schema a7aac4ffe00b6d62b05d2e5ce446d484540ed943e9800fff356cd7ab6e19dd9e\n"
		sum2   = "schema 0299b38d8449c4ea7d1ea7ab5c29f39026d47f3ca6a3de64af08333479afe875\n"
		bytes1 = sum1 + "04\n6869\n"
		bytes2 = sum2 + "04686904616e"
	)
	edited := map[string]string{
		"Noted.avsc":             noted2,
		"released/Noted.v1.avsc": replaceOnce(t, noted1, `"text"`, `"text","doc":"What it says."`),
		"released/Noted.v2.avsc": noted2,
	}
	spaced := map[string]string{
		"Noted.avsc":             noted2,
		"released/Noted.v1.avsc": strings.ReplaceAll(noted1, ",", ",\r\n  "), "released/Noted.v2.avsc": noted2,
	}
	want := map[string][]aggregate.Event[Notes]{
		"Noted.v1": {noted{Text: "hi"}},
		"Noted.v2": {noted{Text: "hi", By: "an"}},
	}
	for name, c := range map[string]struct {
		files  map[string]string
		golden map[string]string
		want   map[string][]aggregate.Event[Notes]
		says   string
	}{
		"good":         {files, map[string]string{"Noted.v1.hex": bytes1, "Noted.v2.hex": bytes2}, want, ""},
		"other spaces": {spaced, map[string]string{"Noted.v1.hex": bytes1, "Noted.v2.hex": bytes2}, want, ""},
		"no file": {
			files,
			map[string]string{"Noted.v1.hex": bytes1},
			want,
			"for today's revision, 2 of Noted, write into it\n" + bytes2,
		},
		"edited": {
			edited,
			map[string]string{"Noted.v1.hex": bytes1, "Noted.v2.hex": bytes2},
			want,
			"released/Noted.v1.avsc was edited after it was released",
		},
		"no schema": {
			files,
			map[string]string{"Noted.v1.hex": "046869", "Noted.v2.hex": bytes2},
			want,
			strings.TrimSpace(sum1),
		},
		"other bytes": {
			files,
			map[string]string{"Noted.v1.hex": sum1 + "046162", "Noted.v2.hex": bytes2},
			want,
			"it loads as",
		},
		"broken": {
			files,
			map[string]string{"Noted.v1.hex": sum1 + "0468", "Noted.v2.hex": bytes2},
			want,
			"malformed",
		},
		"no hexadecimals": {
			files,
			map[string]string{"Noted.v1.hex": sum1 + "hello", "Noted.v2.hex": bytes2},
			want,
			"no hexadecimal text",
		},
		"not wanted": {
			files,
			map[string]string{"Noted.v1.hex": bytes1, "Noted.v2.hex": bytes2},
			map[string][]aggregate.Event[Notes]{"Noted.v2": want["Noted.v2"]},
			"does not say",
		},
		"too much": {
			files,
			map[string]string{"Noted.v1.hex": bytes1, "Noted.v2.hex": bytes2, "Noted.v3.hex": bytes1},
			want,
			"of no released revision",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := strings.Join(failures(t, func(tb testing.TB) {
				schematest.Golden(tb, typ, sources(c.files), fileSystem(c.golden), c.want, schema.Config{})
			}), "\n")
			require.Contains(t, said, c.says)
			require.Equal(t, c.says == "", said == "", said)
		})
	}
}

// notedV1 is an event as revision 1 has it, which is two events today.
type notedV1 struct {
	Text string `avro:"text"`
}

type signed struct {
	By string `avro:"by"`
}

func (signed) EventType() string { return "Signed" }
func (signed) Apply(*Notes)      {}

// Golden also holds what an upcaster makes of a revision's bytes: here two events of one.
func TestGoldenUpcasts(t *testing.T) {
	t.Parallel()
	up := aggregate.Upcast("Noted", 1, func(old notedV1) []aggregate.Event[Notes] {
		return []aggregate.Event[Notes]{noted{Text: old.Text, By: "?"}, signed{By: "?"}}
	})
	typ := aggregate.NewType("Note", noted{}, signed{}).Upcasting(up)
	const signed1 = `{"type":"record","name":"Signed","namespace":"n","fields":[{"name":"by","type":"string"}]}`
	files := sources(map[string]string{
		"Noted.avsc": noted2, "released/Noted.v1.avsc": noted1, "released/Noted.v2.avsc": noted2,
		"Signed.avsc": signed1, "released/Signed.v1.avsc": signed1,
	})
	golden := fileSystem(map[string]string{
		"Noted.v1.hex":  "schema a7aac4ffe00b6d62b05d2e5ce446d484540ed943e9800fff356cd7ab6e19dd9e\n046869",
		"Noted.v2.hex":  "schema 0299b38d8449c4ea7d1ea7ab5c29f39026d47f3ca6a3de64af08333479afe875\n04686904616e",
		"Signed.v1.hex": "schema d20ef8044278fd5c0e0e43f5c5daee9c727c2729c09495a53e00b1bd8a2df071\n04616e",
	})
	want := map[string][]aggregate.Event[Notes]{
		"Noted.v1": {noted{Text: "hi", By: "?"}, signed{By: "?"}}, "Noted.v2": {noted{Text: "hi", By: "an"}},
		"Signed.v1": {signed{By: "an"}},
	}
	for name, engine := range map[string]schema.Engine{"twmb": schema.Twmb{}, "hamba": hamba.Engine{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schematest.Golden(t, typ, files, golden, want, schema.Config{Engine: engine})
		})
	}
	other := maps.Clone(want)
	other["Noted.v1"] = want["Noted.v1"][:1]
	require.Contains(t, failures(t, func(tb testing.TB) {
		schematest.Golden(tb, typ, files, golden, other, schema.Config{})
	}), "Noted.v1: it loads as\n\t[{Text:hi By:?} {By:?}]\nexpected\n\t[{Text:hi By:?}]")
}
