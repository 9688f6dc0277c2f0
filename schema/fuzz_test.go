package schema_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

// everything has what hostile bytes can inflate: strings, bytes, lists, maps, records within records.
type everything struct {
	Text string           `avro:"text"`
	Raw  []byte           `avro:"raw"`
	List []string         `avro:"list"`
	Void []empty          `avro:"void"`
	Map  map[string]int64 `avro:"map"`
	Tree node             `avro:"tree"`
}

type empty struct{}

const everythingFields = `{"name":"text","type":"string"},{"name":"raw","type":"bytes"},{"name":"list","type":{"type":"array","items":"string"}},
	{"name":"void","type":{"type":"array","items":{"type":"record","name":"Empty","fields":[]}}},
	{"name":"map","type":{"type":"map","values":"long"}},{"name":"tree","type":` + nodeRecord + `}`

// maxErrorText bounds what a hostile value can make an error say.
const maxErrorText = 2000

func FuzzDecode(f *testing.F) {
	m := schema.NewMemory()
	c, typ := bound[everything](f, m, record(everythingFields))
	good, _, err := c.Encode(f.Context(), typ, everything{
		"x", []byte{1}, []string{"a", "b"}, make([]empty, 2), map[string]int64{"k": 1}, node{"n", &node{"m", nil}},
	})
	require.NoError(f, err)
	old, err := m.Register(f.Context(), "other", record(everythingFields+`,{"name":"more","type":{"type":"array","items":"null"}}`))
	require.NoError(f, err)
	require.Equal(f, 2, old.ID)
	f.Add(good)
	f.Add(append([]byte{0, 0, 0, 0, 2}, good[5:]...))
	for _, value := range hostile() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var got everything
		err := c.Decode(context.Background(), typ, value, &got)
		if err != nil {
			var e *schema.DecodeError
			require.ErrorAs(t, err, &e)
			require.Less(t, len(err.Error()), maxErrorText)
			return
		}
		// What was read can be written, and then reads the same.
		value, _, err = c.Encode(context.Background(), typ, got)
		require.NoError(t, err)
		var again everything
		require.NoError(t, c.Decode(context.Background(), typ, value, &again))
		require.Equal(t, got, again)
	})
}

// hostile returns values that claim far more than they hold.
func hostile() map[string][]byte {
	huge := []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f} // 2^62 - 1
	big := []byte{0x80, 0xc8, 0xaf, 0xa0, 0x25}                          // five thousand million
	header := []byte{0, 0, 0, 0, 1}
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	deep := join(header, []byte{0, 0, 0, 0, 0})
	for range 1 << 14 {
		deep = append(deep, 0, 2) // an empty name, and another node
	}
	return map[string][]byte{
		"huge string":       join(header, huge),
		"big string":        join(header, big),
		"negative string":   join(header, []byte{1}),
		"huge bytes":        join(header, []byte{0}, huge),
		"huge list":         join(header, []byte{0, 0}, huge),
		"big list":          join(header, []byte{0, 0}, big),
		"huge void":         join(header, []byte{0, 0, 0}, huge),
		"big void":          join(header, []byte{0, 0, 0}, big, []byte{0, 0, 0, 0}),
		"huge map":          join(header, []byte{0, 0, 0, 0}, huge),
		"endless varint":    join(header, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
		"deep":              deep,
		"skipped null bomb": join([]byte{0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, big, []byte{0}),
	}
}

// TestDecodeIsBounded: neither time nor memory follows what hostile bytes claim. Not parallel, as it counts
// what the process allocates.
func TestDecodeIsBounded(t *testing.T) { //nolint:paralleltest // see above
	const maxAllocated = 64 << 20
	m := schema.NewMemory()
	c, typ := bound[everything](t, m, record(everythingFields))
	_, err := m.Register(t.Context(), "other", record(everythingFields+`,{"name":"more","type":{"type":"array","items":"null"}}`))
	require.NoError(t, err)
	for name, value := range hostile() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var got everything
		err := c.Decode(t.Context(), typ, value, &got)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(maxAllocated), name)
		require.ErrorIs(t, err, schema.ErrMalformed, name)
		require.Less(t, len(err.Error()), maxErrorText, name)
	}
}
