package registry_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// serveTLS serves over TLS, and returns what a client needs: where, and whom to trust. It asks
// clients for a certificate, and answers 403 without one.
func serveTLS(tb testing.TB, h http.Handler) (url string, trusted *tls.Config) {
	tb.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if len(req.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, req)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = discardLog()
	s.StartTLS()
	tb.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.URL, &tls.Config{RootCAs: roots, Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}
}

// testTLS checks a registry behind TLS: h speaks its protocol.
func testTLS(t *testing.T, h http.Handler, prefix string) {
	t.Helper()
	url, trusted := serveTLS(t, h)

	secure, _ := connect(t, url, registry.HTTPConfig{TLS: trusted})
	is, err := secure.Register(t.Context(), prefix+"-tls", v1)
	require.NoError(t, err)
	text, err := secure.Schema(t.Context(), is.ID)
	require.NoError(t, err)
	require.JSONEq(t, v1, text)

	nobody, _ := connect(t, url, registry.HTTPConfig{Attempts: 2})
	_, err = nobody.Latest(t.Context(), prefix+"-tls")
	require.ErrorIs(t, err, schema.ErrUnavailable)
	var unknown *tls.CertificateVerificationError
	require.True(t, errors.As(err, &unknown), "%v", err)

	anonymous := trusted.Clone()
	anonymous.Certificates = nil
	stranger, _ := connect(t, url, registry.HTTPConfig{TLS: anonymous})
	_, err = stranger.Latest(t.Context(), prefix+"-tls")
	require.ErrorIs(t, err, schema.ErrUnauthorized)
}

func TestHTTPOverTLS(t *testing.T) {
	t.Parallel()
	testTLS(t, protocol(registry.NewMemory()), "memory")
}

func TestNewHTTPChecksTLS(t *testing.T) {
	t.Parallel()
	_, err := registry.NewHTTP("http://registry:8081",
		registry.HTTPConfig{TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
	require.ErrorContains(t, err, "https")
	_, err = registry.NewHTTP("https://registry:8081",
		registry.HTTPConfig{TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Transport: http.DefaultTransport})
	require.ErrorContains(t, err, "both TLS and a Transport")
}
