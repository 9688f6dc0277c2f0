package schema_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

func TestHTTPJudgesAnswers(t *testing.T) {
	t.Parallel()
	const html = "<html>nothing here</html>"
	for name, test := range map[string]struct {
		status   int
		body     string
		reason   error
		attempts int
		says     string
	}{
		"incompatible":          {409, `{"error_code":409,"message":"field c lacks a default"}`, schema.ErrIncompatible, 1, "field c lacks a default"},
		"subject not found":     {404, `{"error_code":40401,"message":"Subject not found"}`, schema.ErrNotFound, 1, "register the schema"},
		"another server's 404":  {404, html, schema.ErrUnavailable, 1, "does not speak the protocol"},
		"404 of a wrong path":   {404, `{"error_code":404,"message":"HTTP 404 Not Found"}`, schema.ErrUnavailable, 1, "does not speak the protocol"},
		"invalid":               {422, `{"error_code":42201,"message":"no type"}`, schema.ErrInvalidSchema, 1, "no type"},
		"unauthorized":          {401, `{"error_code":401,"message":"Unauthorized"}`, schema.ErrUnauthorized, 1, "user name and password"},
		"forbidden":             {403, html, schema.ErrUnauthorized, 1, "403"},
		"bad request":           {400, `{"error_code":400,"message":"not so"}`, schema.ErrRefused, 1, "not so"},
		"internal error":        {500, `{"error_code":50001,"message":"store is down"}`, schema.ErrUnavailable, 4, "store is down"},
		"gateway":               {502, html, schema.ErrUnavailable, 4, "4 attempts"},
		"too many requests":     {429, html, schema.ErrUnavailable, 4, "HTTP 429"},
		"a web page":            {200, html, schema.ErrUnavailable, 1, "does not speak the protocol"},
		"empty object":          {200, `{}`, schema.ErrUnavailable, 1, "does not speak the protocol"},
		"no version":            {200, `{"id":1,"schema":"\"int\""}`, schema.ErrUnavailable, 1, "does not speak the protocol"},
		"too large":             {200, `{"id":1,"version":1,"schema":"` + strings.Repeat("x", 9<<20) + `"}`, schema.ErrUnavailable, 1, "does not speak the protocol"},
		"protobuf":              {200, `{"id":1,"version":1,"schema":"x","schemaType":"PROTOBUF"}`, schema.ErrInvalidSchema, 1, "PROTOBUF"},
		"with references":       {200, `{"id":1,"version":1,"schema":"x","references":[{"name":"a","subject":"b","version":1}]}`, schema.ErrInvalidSchema, 1, "refers to 1"},
		"long message is short": {409, `{"error_code":409,"message":"` + strings.Repeat("x", 1<<16) + `"}`, schema.ErrIncompatible, 1, "x…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			h, _ := connect(t, url, schema.HTTPConfig{})
			_, err := h.Find(t.Context(), "the-subject", v1)
			require.ErrorIs(t, err, test.reason)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "the-subject")
			require.ErrorContains(t, err, url)
			require.Less(t, len(err.Error()), 2000)
			require.EqualValues(t, test.attempts, requests.Load())
			var e *schema.RegistryError
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.status, e.Status)
			require.Equal(t, test.reason, onlyReason(err))
		})
	}
}

// onlyReason returns the only sentinel that err wraps, and nil if it wraps several.
func onlyReason(err error) (reason error) {
	found := 0
	for _, s := range []error{
		schema.ErrNotFound, schema.ErrIncompatible, schema.ErrInvalidSchema, schema.ErrUnauthorized, schema.ErrRefused, schema.ErrUnavailable,
	} {
		if errors.Is(err, s) {
			reason, found = s, found+1
		}
	}
	if found > 1 {
		reason = nil
	}
	return reason
}

// A registry that knows schemas by their fields in order of names answers with what was registered before they were swapped.
func TestHTTPRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	const b = `{"name":"b","type":"string"}`
	at := func(logical string) string {
		return record(a1 + `,{"name":"b","type":{"type":"long","logicalType":"` + logical + `"}}`)
	}
	for name, test := range map[string]struct{ asked, answered, says string }{
		"swapped":           {record(a1 + "," + b), record(b + "," + a1), "another order"},
		"a unit of time":    {at("timestamp-micros"), at("timestamp-millis"), `field "b": LOGICAL_TYPE_MISMATCH`},
		"a wider type":      {field(`"long"`), field(`"int"`), `field "a": TYPE_MISMATCH`},
		"symbols":           {enum(`"A","B"`, ""), enum(`"B","A"`, ""), "another order"},
		"no schema":         {v1, `{"type":"rec"}`, "the schema in its answer"},
		"another default":   {v2, replaceOnce(t, v2, `"default":0`, `"default":1`), ""},
		"an equal spelling": {v1, replaceOnce(t, v1, `"type":"string"`, `"type":{"type":"string"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(map[string]any{"id": 7, "version": 3, "schema": test.answered})
			}))
			h, _ := connect(t, url, schema.HTTPConfig{})
			found, err := h.Find(t.Context(), "the-subject", test.asked)
			if test.says == "" {
				require.NoError(t, err)
				require.Equal(t, 7, found.ID)
				return
			}
			require.ErrorIs(t, err, schema.ErrRefused)
			for _, says := range []string{"the-subject", "id 7", "version 3", test.says} {
				require.ErrorContains(t, err, says)
			}
			_, err = h.Register(t.Context(), "the-subject", test.asked)
			require.ErrorIs(t, err, schema.ErrRefused)
		})
	}
}
