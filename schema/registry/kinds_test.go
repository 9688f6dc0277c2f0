package registry_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
	"github.com/fencelog/fencelog/schema/registry"
)

// TestDecodeTellsWhatARegistryMeans decodes a value whose schema id the program does not know, with
// each answer of a registry.
func TestDecodeTellsWhatARegistryMeans(t *testing.T) {
	t.Parallel()
	const unknown = `{"error_code":40403,"message":"Schema not found"}`
	for name, test := range map[string]struct {
		status int
		body   string
		kind   error
	}{
		"unknown id":          {404, unknown, schema.ErrUnknownID},
		"away":                {503, "", schema.ErrUnavailable},
		"a proxy's":           {404, "not found", schema.ErrUnavailable},
		"credentials":         {401, "", schema.ErrUnavailable},
		"protobuf":            {200, `{"schema":"x","schemaType":"PROTOBUF"}`, schema.ErrRevision},
		"not Avro":            {200, `{"schema":"{\"type\":\"rec\"}"}`, schema.ErrRevision},
		"of another record":   {200, `{"schema":"\"string\""}`, schema.ErrRevision},
		"refuses the request": {400, `{"error_code":40000,"message":"no"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := registry.NewMemory()
			serveMemory := protocol(m)
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if !strings.HasSuffix(req.URL.Path, "/schemas/ids/7") {
					serveMemory.ServeHTTP(w, req)
					return
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			h, _ := connect(t, url, registry.HTTPConfig{Attempts: 2})
			c, typ := bound[a](t, h, v1)
			var got a
			err := c.Decode(t.Context(), typ, []byte{0, 0, 0, 0, 7, 2, 'x'}, &got)
			require.Error(t, err)
			require.Equal(t, test.kind, sampletest.OnlyKind(t, err), err)
		})
	}
}
