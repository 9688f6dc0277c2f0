package schema_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

func TestHTTPFromEnv(t *testing.T) {
	t.Parallel()
	serveMemory := protocol(schema.NewMemory())
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serveMemory.ServeHTTP(w, req)
	}))
	s.Config.ErrorLog = discardLog()
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	env := map[string]string{
		schema.EnvRegistryURL: s.URL, schema.EnvRegistryUsername: user, schema.EnvRegistryPassword: password, schema.EnvRegistryCA: ca,
	}
	h, err := schema.HTTPFromEnv(func(name string) string { return env[name] }, schema.HTTPConfig{Username: "another", Password: "hush"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	_, err = h.Register(t.Context(), "s", v1)
	require.NoError(t, err)

	delete(env, schema.EnvRegistryCA)
	h, err = schema.HTTPFromEnv(func(name string) string { return env[name] }, schema.HTTPConfig{Attempts: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	_, err = h.Latest(t.Context(), "s")
	require.ErrorIs(t, err, schema.ErrUnavailable, "nobody vouches for it")
}

func TestHTTPFromEnvReportsAllMistakes(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	env := map[string]string{schema.EnvRegistryPassword: "hush", schema.EnvRegistryCA: empty}
	_, err := schema.HTTPFromEnv(func(name string) string { return env[name] }, schema.HTTPConfig{})
	for _, says := range []string{schema.EnvRegistryURL, schema.EnvRegistryUsername, schema.EnvRegistryCA, "BEGIN CERTIFICATE"} {
		require.ErrorContains(t, err, says)
	}
	require.NotContains(t, err.Error(), "hush")
	env[schema.EnvRegistryCA] = empty + "-gone"
	_, err = schema.HTTPFromEnv(func(name string) string { return env[name] }, schema.HTTPConfig{})
	require.ErrorIs(t, err, os.ErrNotExist)
}
