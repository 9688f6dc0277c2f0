package schema_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/schema"
)

// kindOf returns what a reader of events does by, for a reason of Decode; nil for a mistake of the caller.
func kindOf(reason error) error {
	switch reason {
	case schema.ErrTooShort, schema.ErrMagicByte, schema.ErrMalformed, schema.ErrTrailingBytes:
		return schema.ErrDamaged
	case schema.ErrWrongRecord, schema.ErrIncompatible, schema.ErrUnsupported, schema.ErrInvalidSchema:
		return schema.ErrRevision
	case schema.ErrNotFound:
		return schema.ErrUnknownID
	case schema.ErrUnavailable, schema.ErrUnauthorized:
		return schema.ErrUnavailable
	}
	return nil
}

// onlyKind returns the one kind that err is, and fails if it is several. What may pass is ErrUnavailable.
func onlyKind(t *testing.T, err error) (kind error) {
	t.Helper()
	var passing interface{ Unavailable() bool }
	for is, applies := range map[error]bool{
		schema.ErrDamaged:     errors.Is(err, schema.ErrDamaged),
		schema.ErrRevision:    errors.Is(err, schema.ErrRevision),
		schema.ErrUnknownID:   errors.Is(err, schema.ErrUnknownID),
		schema.ErrUnavailable: errors.As(err, &passing) && passing.Unavailable(),
	} {
		if applies {
			require.NoError(t, kind, "it is two kinds: %v", err)
			kind = is
		}
	}
	waits := kind == schema.ErrRevision || kind == schema.ErrUnknownID
	require.Equal(t, waits, errors.Is(err, eventstore.ErrUnknownEvent), "a later release may read it: %v", err)
	return kind
}

// TestDecodeTellsWhatARegistryMeans decodes a value whose schema id the program does not know, with each answer of a registry.
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
			m := schema.NewMemory()
			serveMemory := protocol(m)
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if !strings.HasSuffix(req.URL.Path, "/schemas/ids/7") {
					serveMemory.ServeHTTP(w, req)
					return
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			h, _ := connect(t, url, schema.HTTPConfig{Attempts: 2})
			c, typ := bound[a](t, h, v1)
			var got a
			err := c.Decode(t.Context(), typ, []byte{0, 0, 0, 0, 7, 2, 'x'}, &got)
			require.Error(t, err)
			require.Equal(t, test.kind, onlyKind(t, err), err)
		})
	}
}
