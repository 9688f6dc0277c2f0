//go:build cluster

package registry_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// registryURL returns the URL of a real registry: the one in the environment, or one that runs for
// the test.
func registryURL(t *testing.T) string {
	t.Helper()
	if url := os.Getenv(kafkatest.EnvRegistry); url != "" {
		return url
	}
	return kafkatest.ForTest(t, kafkatest.Config{Brokers: 1, Registry: true}).RegistryURL()
}

func TestCluster(t *testing.T) { //nolint:paralleltest // the registry must outlive the parts
	url := registryURL(t)
	run := rand.Text() // the registry may have run, with the subjects of an earlier run

	t.Run("registry", func(t *testing.T) {
		testRegistry(t, run, func(t *testing.T) registry.Registry {
			t.Helper()
			h, err := registry.NewHTTP(url, registry.HTTPConfig{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, h.Close()) })
			return h
		})
	})

	t.Run("changes", func(t *testing.T) {
		h, err := registry.NewHTTP(url, registry.HTTPConfig{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, h.Close()) })
		testChanges(t, h, run, map[string]string{
			// Apicurio refuses it as well, for another reason: it takes the schema for an invalid
			// one.
			"an alias that is taken BACKWARD": "invalid",
		})
	})

	t.Run("behind a proxy", func(t *testing.T) {
		target, err := neturl.Parse(url)
		require.NoError(t, err)
		proxy := &httputil.ReverseProxy{
			Transport: &http.Transport{DisableKeepAlives: true},
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		}
		t.Run("with TLS", func(t *testing.T) { testTLS(t, proxy, run) })
		t.Run("with basic authentication", func(t *testing.T) { testAuthenticates(t, proxy, run) })
	})

	t.Run("strategies", func(t *testing.T) {
		h, err := registry.NewHTTP(url, registry.HTTPConfig{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, h.Close()) })
		testStrategies(t, h, run)
	})

	t.Run("codec", func(t *testing.T) {
		h, err := registry.NewHTTP(url, registry.HTTPConfig{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, h.Close()) })
		service, err := schema.NewCodec(h, accountSources(), schema.Config{Prefix: run})
		require.NoError(t, err)
		types := []event.Type{created(), credited()}
		require.ErrorIs(t, service.Bind(t.Context(), types), schema.ErrNotFound)

		deploy, err := registry.NewCodec(h, accountSources(), schema.Config{Prefix: run})
		require.NoError(t, err)
		require.NoError(t, deploy.Bind(t.Context(), types))
		require.NoError(t, service.Bind(t.Context(), types))
		value, revision, err := deploy.Encode(t.Context(), created(), exampleCreated())
		require.NoError(t, err)
		require.Equal(t, 1, revision)
		var got AccountCreated
		require.NoError(t, service.Decode(t.Context(), created(), value, &got))
		require.Equal(t, exampleCreated(), got)
	})

	t.Run("wrong path", func(t *testing.T) {
		h, err := registry.NewHTTP(url+"/elsewhere", registry.HTTPConfig{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, h.Close()) })
		_, err = h.Find(t.Context(), "s", v1)
		require.ErrorIs(t, err, schema.ErrUnavailable)
		require.ErrorContains(t, err, "the URL is its root")
	})
}
