package schema_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// transfer writes event with the codec of one revision and reads it with that of another.
func transfer[W, R any](t *testing.T, m *registry.Memory, writer, reader string, e W) (R, error) {
	t.Helper()
	w, wt := bound[W](t, m, writer)
	r, rt := bound[R](t, m, reader)
	value, _, err := w.Encode(t.Context(), wt, e)
	require.NoError(t, err)
	var got R
	err = r.Decode(t.Context(), rt, value, &got)
	return got, err
}

func TestRevisionCountsVersions(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	_, err := m.Register(t.Context(), "taken", v3) // ids and versions differ
	require.NoError(t, err)
	old, oldType := bound[a](t, m, v1)
	now, nowType := bound[ab](t, m, v2)
	for range 2 {
		value, revision, err := old.Encode(t.Context(), oldType, a{"x"})
		require.NoError(t, err)
		require.Equal(t, 1, revision)
		require.EqualValues(t, 2, value[4])
		value, revision, err = now.Encode(t.Context(), nowType, ab{"x", 1})
		require.NoError(t, err)
		require.Equal(t, 2, revision)
		require.EqualValues(t, 3, value[4])
	}
	// A program that is started again with an old file has that file's revision.
	again, againType := bound[a](t, m, v1)
	_, revision, err := again.Encode(t.Context(), againType, a{"x"})
	require.NoError(t, err)
	require.Equal(t, 1, revision)
}

func TestReadsOlderRevision(t *testing.T) {
	t.Parallel()
	text := record(`{"name":"a","type":"string"},{"name":"b","type":"long","default":42}`)
	got, err := transfer[a, ab](t, registry.NewMemory(), v1, text, a{"x"})
	require.NoError(t, err)
	require.Equal(t, ab{"x", 42}, got)
}

func TestReadsNewerRevision(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	bound[a](t, m, v1)
	got, err := transfer[ab, a](t, m, v2, v1, ab{"x", 7})
	require.NoError(t, err)
	require.Equal(t, a{"x"}, got)
}

func TestReadsReorderedWidenedAndRenamedFields(t *testing.T) {
	t.Parallel()
	type narrow struct {
		Amount int32  `avro:"amount"`
		Owner  string `avro:"owner"`
	}
	type wide struct {
		OwnerID string `avro:"ownerId"`
		Amount  int64  `avro:"amount"`
	}
	got, err := transfer[narrow, wide](t, registry.NewMemory(),
		record(`{"name":"amount","type":"int"},{"name":"owner","type":"string"}`),
		record(`{"name":"ownerId","type":"string","aliases":["owner"]},{"name":"amount","type":"long"}`),
		narrow{-7, "user-1"})
	require.NoError(t, err)
	require.Equal(t, wide{"user-1", -7}, got)
}

// counting counts what is asked of a registry by id.
type counting struct {
	registry.Registry
	asked atomic.Int32
}

func (c *counting) Schema(ctx context.Context, id int) (string, error) {
	c.asked.Add(1)
	return c.Registry.Schema(ctx, id)
}

func TestAsksOnceForARevision(t *testing.T) {
	t.Parallel()
	r := &counting{Registry: registry.NewMemory()}
	old, oldType := bound[a](t, r, v1)
	now, nowType := bound[ab](t, r, v2)
	first, _, err := old.Encode(t.Context(), oldType, a{"x"})
	require.NoError(t, err)
	second, _, err := now.Encode(t.Context(), nowType, ab{"y", 1})
	require.NoError(t, err)
	for range 3 {
		for _, value := range [][]byte{first, second} {
			var got ab
			require.NoError(t, now.Decode(t.Context(), nowType, value, &got))
		}
	}
	require.EqualValues(t, 1, r.asked.Load(), "for the old one; the program brought its own")
}

// TestUnknownSymbolIsDefault: an old program reads a symbol that was added after it was built.
func TestUnknownSymbolIsDefault(t *testing.T) {
	t.Parallel()
	type coloured struct {
		Colour string `avro:"colour"`
	}
	colour := func(symbols string) string {
		return record(`{"name":"colour","type":{"type":"enum","name":"Colour","symbols":[` + symbols +
			`],"default":"UNKNOWN"}}`)
	}
	m := registry.NewMemory()
	old := colour(`"UNKNOWN","RED"`)
	bound[coloured](t, m, old)
	for written, read := range map[string]string{"GREEN": "UNKNOWN", "RED": "RED"} {
		got, err := transfer[coloured, coloured](t, m, colour(`"UNKNOWN","GREEN","RED"`), old, coloured{written})
		require.NoError(t, err)
		require.Equal(t, read, got.Colour)
	}
}

func TestReadsRecordUnderOldNameByAlias(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	w, wt := bound[a](t, m, v1)
	value, _, err := w.Encode(t.Context(), wt, a{"x"})
	require.NoError(t, err)
	read := func(namespace, aliases string) (got a, err error) {
		text := `{"type":"record","name":"Item","namespace":"` + namespace + `","aliases":[` + aliases +
			`],"fields":[{"name":"a","type":"string"}]}`
		typ := event.Type{Category: "Stock", Name: "Item", Go: wt.Go}
		c := newCodec(t, m, schema.Sources{"Stock": fstest.MapFS{"Item.avsc": {Data: []byte(text)}}})
		require.NoError(t, c.Bind(t.Context(), []event.Type{typ}))
		err = c.Decode(t.Context(), typ, value, &got)
		return got, err
	}
	got, err := read("billing.stock", `"billing.account.Thing"`)
	require.NoError(t, err)
	require.Equal(t, a{"x"}, got)
	got, err = read("billing.account", `"Thing"`)
	require.NoError(t, err)
	require.Equal(t, a{"x"}, got)
	_, err = read("billing.stock", `"Thing"`)
	require.ErrorIs(t, err, schema.ErrWrongRecord, "a bare alias is in the record's own namespace")
	_, err = read("billing.stock", ``)
	require.ErrorIs(t, err, schema.ErrWrongRecord)
}
