package registry_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestHTTPFromEnv(t *testing.T) {
	t.Parallel()
	serveMemory := protocol(registry.NewMemory())
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
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}),
		0o600))
	env := map[string]string{
		registry.EnvURL: s.URL, registry.EnvUsername: user, registry.EnvPassword: password, registry.EnvCA: ca,
	}
	h, err := registry.HTTPFromEnv(func(name string) string {
		return env[name]
	}, registry.HTTPConfig{Username: "another", Password: "hush"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	_, err = h.Register(t.Context(), "s", v1)
	require.NoError(t, err)

	delete(env, registry.EnvCA)
	h, err = registry.HTTPFromEnv(func(name string) string { return env[name] }, registry.HTTPConfig{Attempts: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	_, err = h.Latest(t.Context(), "s")
	require.ErrorIs(t, err, schema.ErrUnavailable, "nobody vouches for it")
}

func TestHTTPFromEnvReportsAllMistakes(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	env := map[string]string{registry.EnvPassword: "hush", registry.EnvCA: empty}
	_, err := registry.HTTPFromEnv(func(name string) string { return env[name] }, registry.HTTPConfig{})
	for _, says := range []string{registry.EnvURL, registry.EnvUsername, registry.EnvCA, "BEGIN CERTIFICATE"} {
		require.ErrorContains(t, err, says)
	}
	require.NotContains(t, err.Error(), "hush")
	env[registry.EnvCA] = empty + "-gone"
	_, err = registry.HTTPFromEnv(func(name string) string { return env[name] }, registry.HTTPConfig{})
	require.ErrorIs(t, err, os.ErrNotExist)
}
