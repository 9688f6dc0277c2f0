package schematest_test

import (
	"reflect"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/schematest"
)

type opened struct {
	Owner string `avro:"owner"`
}

func TestCheckDerived(t *testing.T) {
	t.Parallel()
	types := []event.Type{{Category: "Shop", Name: "Opened", Go: reflect.TypeFor[opened]()}}
	good := `{"type":"record","name":"Opened","namespace":"shop","fields":[{"name":"owner","type":"string"}]}`
	bad := `{"type":"record","name":"Opened","namespace":"shop","fields":[{"name":"owner","type":"bytes"}]}`
	for name, test := range map[string]struct {
		sources schema.Sources
		says    []string
	}{
		"agrees": {schema.Sources{"Shop": fstest.MapFS{"Opened.avsc": {Data: []byte(good)}}}, nil},
		"disagrees": {
			schema.Sources{"Shop": fstest.MapFS{"Opened.avsc": {Data: []byte(bad)}}},
			[]string{"Opened.avsc", `field "owner"`, "found bytes"},
		},
		"no file": {
			schema.Sources{"Shop": fstest.MapFS{}},
			[]string{"no schema file", `"namespace": "shop"`, `{"name": "owner", "type": "string"}`},
		},
		"no source": {nil, []string{"no such aggregate type"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := failures(t, func(tb testing.TB) { schematest.CheckDerived(tb, test.sources, types) })
			if test.says == nil {
				require.Empty(t, failed)
				return
			}
			require.Len(t, failed, 1)
			for _, says := range test.says {
				require.Contains(t, failed[0], says)
			}
		})
	}
}
