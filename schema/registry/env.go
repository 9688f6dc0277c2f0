package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// The variables that [HTTPFromEnv] reads.
const (
	EnvURL      = "SCHEMA_REGISTRY_URL"             // such as http://registry:8081
	EnvUsername = "SCHEMA_REGISTRY_USERNAME"        // [HTTPConfig.Username]; default: that in the URL
	EnvPassword = "SCHEMA_REGISTRY_PASSWORD"        //nolint:gosec // [HTTPConfig.Password]; it names a variable
	EnvCA       = "SCHEMA_REGISTRY_SSL_CA_LOCATION" // file of its authorities, PEM; default: the system's
)

// HTTPFromEnv returns the registry that the environment names, with the rest of its configuration
// from cfg. getenv is os.Getenv, or a function like it. Variables that are set win over cfg. Close
// the registry after use.
//
// It fails, all at once, with every mistake in the variables, and never repeats a password.
func HTTPFromEnv(getenv func(string) string, cfg HTTPConfig) (*HTTP, error) {
	var mistakes []error
	url := getenv(EnvURL)
	if url == "" {
		mistakes = append(mistakes, fmt.Errorf("%s is not set, expected a URL such as http://localhost:8081", EnvURL))
	}
	if username := getenv(EnvUsername); username != "" {
		cfg.Username, cfg.Password = username, getenv(EnvPassword)
	} else if getenv(EnvPassword) != "" {
		mistakes = append(mistakes, fmt.Errorf("%s is set without %s; set both", EnvPassword, EnvUsername))
	}
	if file := getenv(EnvCA); file != "" {
		roots, err := readAuthorities(file)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", EnvCA, err))
		}
		if cfg.TLS = cfg.TLS.Clone(); cfg.TLS == nil {
			cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		cfg.TLS.RootCAs = roots
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return NewHTTP(url, cfg)
}

func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file) //nolint:gosec // who starts the program names the file
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("found no certificate in %s, expected one or more in PEM format "+
			"(-----BEGIN CERTIFICATE-----)", file)
	}
	return roots, nil
}
