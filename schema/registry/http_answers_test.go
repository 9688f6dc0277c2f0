package registry_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestHTTPJudgesAnswers(t *testing.T) {
	t.Parallel()
	const html, foreign = "<html>nothing here</html>", "does not speak the protocol"
	for name, test := range map[string]struct {
		status   int
		body     string
		reason   error
		attempts int
		says     string
	}{
		"incompatible": {
			409, `{"error_code":409,"message":"field c lacks a default"}`, schema.ErrIncompatible, 1,
			"field c lacks a default",
		},
		"subject not found": {
			404, `{"error_code":40401,"message":"Subject not found"}`, schema.ErrNotFound, 1,
			"register the schema",
		},
		"invalid": {
			422, `{"error_code":42201,"message":"no type"}`, schema.ErrInvalidSchema, 1,
			"no type",
		},
		"invalid, without a code": {422, `{"message":"no type"}`, schema.ErrInvalidSchema, 1, "no type"},
		"read only": {
			422, `{"error_code":42205,"message":"subject is in read-only mode"}`, registry.ErrRefused,
			1, "read-only",
		},
		"unauthorized": {
			401, `{"error_code":401,"message":"Unauthorized"}`, schema.ErrUnauthorized, 1,
			"user name and password",
		},
		"unauthorized by a proxy": {401, html, schema.ErrUnauthorized, 1, "user name and password"},
		"forbidden":               {403, `{"error_code":40301,"message":"no"}`, schema.ErrUnauthorized, 1, "403"},
		"forbidden by a proxy":    {403, html, schema.ErrUnauthorized, 4, "403"},
		"bad request":             {400, `{"error_code":400,"message":"not so"}`, registry.ErrRefused, 1, "not so"},
		"internal error": {
			500, `{"error_code":50001,"message":"store is down"}`, schema.ErrUnavailable, 4,
			"store is down",
		},
		"gateway":           {502, html, schema.ErrUnavailable, 4, "4 attempts"},
		"timed out":         {408, html, schema.ErrUnavailable, 4, "HTTP 408"},
		"too early":         {425, html, schema.ErrUnavailable, 4, "HTTP 425"},
		"too many requests": {429, html, schema.ErrUnavailable, 4, "HTTP 429"},
		"too many, and a code": {
			429, `{"error_code":42901,"message":"slow down"}`, schema.ErrUnavailable, 4,
			"slow down",
		},
		"another server's 404": {404, html, schema.ErrUnavailable, 4, foreign},
		"404 of a wrong path": {
			404, `{"error_code":404,"message":"HTTP 404 Not Found"}`, schema.ErrUnavailable, 4,
			foreign,
		},
		"a gateway's JSON": {
			404, `{"message":"no Route matched with those values"}`, schema.ErrUnavailable, 4,
			foreign,
		},
		"a code of another status": {400, `{"error_code":40403,"message":"x"}`, schema.ErrUnavailable, 4, foreign},
		"a cut error":              {404, `{"error_code":404`, schema.ErrUnavailable, 4, foreign},
		"a proxy's 400":            {400, "Bad Request", schema.ErrUnavailable, 4, foreign},
		"a proxy's 409":            {409, html, schema.ErrUnavailable, 4, foreign},
		"a proxy's 410":            {410, "", schema.ErrUnavailable, 4, foreign},
		"a proxy's 422":            {422, "Unprocessable", schema.ErrUnavailable, 4, foreign},
		"redirected nowhere":       {302, html, schema.ErrUnavailable, 4, "302"},
		"a web page":               {200, html, schema.ErrUnavailable, 4, foreign},
		"nothing":                  {200, "", schema.ErrUnavailable, 4, foreign},
		"no content":               {204, "", schema.ErrUnavailable, 4, foreign},
		"cut":                      {200, `{"id":1,"version":1,"schema":"\"in`, schema.ErrUnavailable, 4, foreign},
		"empty object":             {200, `{}`, schema.ErrUnavailable, 4, foreign},
		"no version":               {200, `{"id":1,"schema":"\"int\""}`, schema.ErrUnavailable, 4, foreign},
		"too large": {
			200, `{"id":1,"version":1,"schema":"` + strings.Repeat("x", 9<<20) + `"}`,
			schema.ErrUnavailable, 4, foreign,
		},
		"protobuf": {
			200, `{"id":1,"version":1,"schema":"x","schemaType":"PROTOBUF"}`,
			schema.ErrInvalidSchema, 1, "PROTOBUF",
		},
		"with references": {
			200,
			`{"id":1,"version":1,"schema":"x","references":[{"name":"a","subject":"b","version":1}]}`,
			schema.ErrInvalidSchema,
			1, "refers to 1",
		},
		"long message is short": {
			409, `{"error_code":409,"message":"` + strings.Repeat("x", 1<<16) + `"}`,
			schema.ErrIncompatible, 1, "x…",
		},
		"cut between characters": {
			409, `{"error_code":409,"message":"x` + strings.Repeat("é", 1<<16) + `"}`,
			schema.ErrIncompatible, 1, "é…",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			h, _ := connect(t, url, registry.HTTPConfig{})
			_, err := h.Find(t.Context(), "the-subject", v1)
			require.ErrorIs(t, err, test.reason)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "the-subject")
			require.ErrorContains(t, err, url)
			require.Less(t, len(err.Error()), 2000)
			require.True(t, utf8.ValidString(err.Error()), err)
			require.EqualValues(t, test.attempts, requests.Load())
			var e *registry.Error
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
		schema.ErrNotFound, schema.ErrIncompatible, schema.ErrInvalidSchema, schema.ErrUnauthorized,
		registry.ErrRefused, schema.ErrUnavailable,
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

// A registry may know schemas by their fields in order of names. Then it answers with the schema
// that was registered before the fields were swapped.
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
			h, _ := connect(t, url, registry.HTTPConfig{})
			found, err := h.Find(t.Context(), "the-subject", test.asked)
			if test.says == "" {
				require.NoError(t, err)
				require.Equal(t, 7, found.ID)
				return
			}
			require.ErrorIs(t, err, registry.ErrRefused)
			for _, says := range []string{"the-subject", "id 7", "version 3", test.says} {
				require.ErrorContains(t, err, says)
			}
			_, err = h.Register(t.Context(), "the-subject", test.asked)
			require.ErrorIs(t, err, registry.ErrRefused)
		})
	}
}

// behind is a registry of which one node lags behind. For so many requests the node has none of
// what others have.
func behind(next http.Handler, requests int32) (h http.Handler, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if asked.Add(1) > requests {
			next.ServeHTTP(w, req)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error_code":40403,"message":"Schema not found"}`)
	}), asked
}

// HTTP asks a node that lags behind again for a schema that must be there. It believes the node
// about one that need not be there.
func TestHTTPWaitsForANodeThatLagsBehind(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	is, err := m.Register(t.Context(), thingSubject, v1)
	require.NoError(t, err)
	value := []byte{0, 0, 0, 0, byte(is.ID), 2, 'x'}
	service := func(t *testing.T, lag int32) (*registry.HTTP, *atomic.Int32) {
		t.Helper()
		h, asked := behind(protocol(m), lag)
		client, _ := connect(t, serve(t, h), registry.HTTPConfig{Attempts: 3})
		return client, asked
	}
	t.Run("the schema of an id", func(t *testing.T) {
		t.Parallel()
		h, _ := service(t, 2)
		text, err := h.Schema(t.Context(), is.ID)
		require.NoError(t, err)
		require.Equal(t, v1, text)
		h, asked := service(t, 3)
		_, err = h.Schema(t.Context(), is.ID)
		require.ErrorIs(t, err, schema.ErrUnknownID)
		require.ErrorContains(t, err, "3 attempts")
		require.EqualValues(t, 3, asked.Load())
	})
	t.Run("what Bind needs", func(t *testing.T) {
		t.Parallel()
		h, _ := service(t, 2)
		c, err := schema.NewCodec(h, thing(v1), schema.Config{})
		require.NoError(t, err)
		typ := typeOf[a]("Thing")
		require.NoError(t, c.Bind(t.Context(), []event.Type{typ}))
		var got a
		require.NoError(t, c.Decode(t.Context(), typ, value, &got))
	})
	t.Run("what was just registered", func(t *testing.T) {
		t.Parallel()
		fresh := registry.NewMemory()
		protocol := protocol(fresh)
		var finds atomic.Int32
		url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			lags, _ := behind(protocol, 1)
			if strings.HasSuffix(req.URL.Path, "/versions") || finds.Add(1) > 3 {
				lags = protocol
			}
			lags.ServeHTTP(w, req)
		}))
		h, _ := connect(t, url, registry.HTTPConfig{Attempts: 3})
		is, err := h.Register(t.Context(), "s", v1)
		require.NoError(t, err)
		require.Equal(t, 1, is.Version)
	})
	t.Run("not what may be missing", func(t *testing.T) {
		t.Parallel()
		for _, ask := range []func(h *registry.HTTP) error{
			func(h *registry.HTTP) error { _, err := h.Find(t.Context(), "s", v1); return err },
			func(h *registry.HTTP) error { _, err := h.Latest(t.Context(), "s"); return err },
			func(h *registry.HTTP) error { _, err := h.Versions(t.Context(), "s"); return err },
		} {
			h, asked := service(t, 9)
			require.ErrorIs(t, ask(h), schema.ErrNotFound)
			require.NotErrorIs(t, ask(h), schema.ErrUnknownID)
			require.EqualValues(t, 2, asked.Load())
		}
	})
	t.Run("and once only", func(t *testing.T) {
		t.Parallel()
		h, asked := behind(protocol(registry.NewMemory()), 0)
		client, _ := connect(t, serve(t, h), registry.HTTPConfig{Attempts: 3})
		c, err := schema.NewCodec(client, accountSources(), schema.Config{})
		require.NoError(t, err)
		require.ErrorIs(t, c.Bind(t.Context(), []event.Type{created(), credited()}), schema.ErrNotFound)
		require.EqualValues(t, 3+1, asked.Load())
	})
}
