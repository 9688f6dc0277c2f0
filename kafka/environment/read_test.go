package environment_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/topics"
)

const password = "tell-nobody-42"

func read(env map[string]string) (kafka.Config, error) {
	return environment.Read(func(name string) string { return env[name] }, topics.Category{Name: storetest.Category})
}

// file writes a file and returns its path.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// pair returns a certificate and its key, in PEM format.
func pair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "billing"},
		NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestReadReadsAllVariables(t *testing.T) {
	t.Parallel()
	certificate, key := pair(t)
	env := map[string]string{
		environment.Brokers: " a:9092, b:9093,", environment.ClientID: "billing-7",
		environment.TopicPrefix:           "eu.billing",
		environment.TransactionalIDPrefix: "eu.fencelog", environment.IndexDir: "/var/lib/billing",
		environment.ReplicationFactor: "4", environment.MinInSyncReplicas: "3",
		environment.ProviderSettings: "compression.type, retention.ms", environment.Compression: "zstd",
		environment.SecurityProtocol: "sasl_ssl", environment.SASLMechanism: "scram-sha-512",
		environment.SASLUsername: "billing", environment.SASLPasswordFile: file(t, password+"\r\n"),
		environment.CA: file(t, certificate), environment.Certificate: file(t, certificate),
		environment.Key: file(t, key),
	}
	cfg, err := read(env)
	require.NoError(t, err)
	require.Equal(t, []string{"a:9092", "b:9093"}, cfg.Connection.Brokers)
	require.Equal(t, "billing-7", cfg.Connection.ClientID)
	require.Equal(t, "eu.billing", cfg.Topics.Prefix)
	require.Equal(t, "eu.fencelog", cfg.TransactionalIDPrefix)
	require.Equal(t, "/var/lib/billing", cfg.IndexDir)
	require.Equal(t, int16(4), cfg.Topics.ReplicationFactor)
	require.Equal(t, 3, cfg.Topics.MinInSyncReplicas)
	require.Equal(t, []string{"compression.type", "retention.ms"}, cfg.Topics.ProviderSettings)
	require.Equal(t, topics.ZSTD, cfg.Topics.Compression)
	require.Equal(t, "SASL_SSL, with a client certificate, SCRAM-SHA-512 as billing", cfg.Connection.Security.String())
	require.Equal(t, password, cfg.Connection.Security.SASL.Password.Reveal())
	require.NotNil(t, cfg.Connection.Security.TLS.RootCAs)

	cfg, err = read(map[string]string{environment.Brokers: "a:9092"})
	require.NoError(t, err)
	require.Equal(t, connection.Security{}, cfg.Connection.Security)
	require.Equal(t, "PLAINTEXT", cfg.Connection.Security.Protocol())

	cfg, err = read(map[string]string{environment.Brokers: "a:9092", environment.SecurityProtocol: "SSL"})
	require.NoError(t, err)
	require.Nil(t, cfg.Connection.Security.TLS.RootCAs, "the system's authorities")
}

func TestReadReportsEachMistake(t *testing.T) {
	t.Parallel()
	certificate, key := pair(t)
	_, otherKey := pair(t)
	sasl := map[string]string{
		environment.Brokers: "a:9092", environment.SecurityProtocol: "SASL_SSL", environment.SASLMechanism: "PLAIN",
		environment.SASLUsername: "billing", environment.SASLPassword: password,
	}
	for _, c := range []struct {
		name  string
		pairs []string
		says  string
	}{
		{"no brokers", []string{environment.Brokers, ","}, "KAFKA_BROKERS is not set"},
		{"no port", []string{environment.Brokers, "a:9092,b"}, `KAFKA_BROKERS: found "b", expected host:port`},
		{
			"prefix",
			[]string{environment.TopicPrefix, "a b"},
			`KAFKA_TOPIC_PREFIX: found "a b", expected at most 100 letters`,
		},
		{
			"number",
			[]string{environment.ReplicationFactor, "three"},
			`KAFKA_REPLICATION_FACTOR: found "three", expected a number from 1`,
		},
		{
			"in sync",
			[]string{environment.MinInSyncReplicas, "4"},
			"KAFKA_MIN_INSYNC_REPLICAS: found 4, expected at most KAFKA_REPLICATION_FACTOR, which is 3",
		},
		{
			"compression",
			[]string{environment.Compression, "LZ4"},
			`KAFKA_COMPRESSION: found "LZ4", expected one of uncompressed, gzip, snappy, lz4, zstd`,
		},
		{
			"settings",
			[]string{environment.ProviderSettings, "compression.type,segment.ms"},
			`KAFKA_PROVIDER_SETTINGS: found "segment.ms", expected some of cleanup.policy, compression.type,`,
		},
		{"no port", []string{environment.Brokers, "a:kafka"}, `KAFKA_BROKERS: found "a:kafka", expected host:port`},
		{
			"protocol",
			[]string{environment.SecurityProtocol, "TLS"},
			`KAFKA_SECURITY_PROTOCOL: found "TLS", expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL`,
		},
		{
			"mechanism",
			[]string{environment.SASLMechanism, "GSSAPI"},
			`KAFKA_SASL_MECHANISM: found "GSSAPI", expected one of PLAIN, SCRAM-SHA-256`,
		},
		{"no mechanism", []string{environment.SASLMechanism, ""}, "KAFKA_SASL_MECHANISM is not set"},
		{"no username", []string{environment.SASLUsername, ""}, "KAFKA_SASL_USERNAME is not set"},
		{"no password", []string{environment.SASLPassword, ""}, "KAFKA_SASL_PASSWORD is not set"},
		{
			"two passwords",
			[]string{environment.SASLPasswordFile, "x"},
			"KAFKA_SASL_PASSWORD: found a password, and a file in KAFKA_SASL_PASSWORD_FILE",
		},
		{
			"no password file",
			[]string{environment.SASLPassword, "", environment.SASLPasswordFile, "/nowhere"},
			"KAFKA_SASL_PASSWORD_FILE: found a path that cannot be read (no such file",
		},
		{
			"empty password file",
			[]string{environment.SASLPassword, "", environment.SASLPasswordFile, file(t, "\n")},
			"KAFKA_SASL_PASSWORD_FILE: found an empty file",
		},
		{"large file", []string{environment.CA, file(t, strings.Repeat("x", 2<<20))}, "larger than 1048576 bytes"},
		{
			"no authority",
			[]string{environment.CA, file(t, key)},
			"KAFKA_SSL_CA_LOCATION: found a file without a certificate",
		},
		{"no key", []string{environment.Certificate, file(t, certificate)}, "KAFKA_SSL_KEY_LOCATION is not set"},
		{"no certificate", []string{environment.Key, file(t, key)}, "KAFKA_SSL_CERTIFICATE_LOCATION is not set"},
		{
			"no pair",
			[]string{environment.Certificate, file(t, certificate), environment.Key, file(t, otherKey)},
			"KAFKA_SSL_CERTIFICATE_LOCATION: found files that are no pair",
		},
		{
			"encrypted",
			[]string{
				environment.Certificate, file(t, certificate), environment.Key,
				file(t, strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE")),
			},
			"KAFKA_SSL_KEY_LOCATION: found a key that is encrypted",
		},
		{
			"SASL in vain",
			[]string{environment.SecurityProtocol, "SSL"},
			"KAFKA_SASL_PASSWORD: found a value, expected none, as KAFKA_SECURITY_PROTOCOL is SSL; " +
				"did you mean SASL_SSL",
		},
		{
			"TLS in vain",
			[]string{environment.SecurityProtocol, "", environment.CA, "x"},
			"KAFKA_SSL_CA_LOCATION: found a value, expected none, as KAFKA_SECURITY_PROTOCOL is PLAINTEXT, the default",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(storetest.With(sasl, c.pairs...))
			require.ErrorContains(t, err, c.says)
			var mistake *environment.VariableError
			require.ErrorAs(t, err, &mistake)
			require.NotContains(t, err.Error(), password)
		})
	}
}

func TestReadReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		environment.Brokers: "a", environment.TopicPrefix: "/", environment.ReplicationFactor: "-1",
		environment.SecurityProtocol: "SASL_SSL", environment.CA: "/nowhere",
	}
	_, err := environment.Read(func(name string) string { return env[name] },
		topics.Category{Name: "Account", Partitions: -1})
	for _, variable := range []string{
		environment.Brokers, environment.TopicPrefix, environment.ReplicationFactor, environment.CA,
		environment.SASLMechanism, environment.SASLUsername, environment.SASLPassword,
	} {
		require.ErrorContains(t, err, variable)
	}
	require.ErrorContains(t, err, "found -1 partitions")
	require.NotContains(t, err.Error(), "Brokers:", "a mistake is reported once")
}

func TestRead(t *testing.T) {
	env := map[string]string{"KAFKA_BROKERS": "a:9092, b:9093,", "KAFKA_CLIENT_ID": ""}
	cfg, err := environment.Read(func(k string) string { return env[k] }, topics.Category{Name: "Account"})
	require.NoError(t, err)
	require.Equal(t, []string{"a:9092", "b:9093"}, cfg.Connection.Brokers)
	require.Equal(t, "fencelog", connection.DefaultClientID)

	_, err = environment.Read(func(string) string { return "" }, topics.Category{Name: "Account"})
	require.ErrorContains(t, err, "KAFKA_BROKERS is not set")
	env["KAFKA_BROKERS"] = "nowhere"
	_, err = environment.Read(func(k string) string { return env[k] }, topics.Category{Name: "Account"})
	require.ErrorContains(t, err, `found "nowhere", expected host:port`)
}
