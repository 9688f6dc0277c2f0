package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

const password = "tell-nobody-42"

func fromEnv(env map[string]string) (kafka.Config, error) {
	return kafka.FromEnv(func(name string) string { return env[name] }, topics.Category{Name: category})
}

// with returns the variables with others in their place; an empty value takes a variable away.
func with(env map[string]string, pairs ...string) map[string]string {
	env = maps.Clone(env)
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return env
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
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "billing"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestFromEnvReadsAllVariables(t *testing.T) {
	t.Parallel()
	certificate, key := pair(t)
	env := map[string]string{
		kafka.EnvBrokers: " a:9092, b:9093,", kafka.EnvClientID: "billing-7", kafka.EnvTopicPrefix: "eu.billing",
		kafka.EnvTransactionalIDPrefix: "eu.fencelog", kafka.EnvIndexDir: "/var/lib/billing",
		kafka.EnvReplicationFactor: "4", kafka.EnvMinInSyncReplicas: "3", kafka.EnvProviderSettings: "compression.type, retention.ms", kafka.EnvCompression: "zstd",
		kafka.EnvSecurityProtocol: "sasl_ssl", kafka.EnvSASLMechanism: "scram-sha-512",
		kafka.EnvSASLUsername: "billing", kafka.EnvSASLPasswordFile: file(t, password+"\r\n"),
		kafka.EnvCA: file(t, certificate), kafka.EnvCertificate: file(t, certificate), kafka.EnvKey: file(t, key),
	}
	cfg, err := fromEnv(env)
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

	cfg, err = fromEnv(map[string]string{kafka.EnvBrokers: "a:9092"})
	require.NoError(t, err)
	require.Equal(t, connection.Security{}, cfg.Connection.Security)
	require.Equal(t, "PLAINTEXT", cfg.Connection.Security.Protocol())

	cfg, err = fromEnv(map[string]string{kafka.EnvBrokers: "a:9092", kafka.EnvSecurityProtocol: "SSL"})
	require.NoError(t, err)
	require.Nil(t, cfg.Connection.Security.TLS.RootCAs, "the system's authorities")
}

func TestFromEnvReportsEachMistake(t *testing.T) {
	t.Parallel()
	certificate, key := pair(t)
	_, otherKey := pair(t)
	sasl := map[string]string{
		kafka.EnvBrokers: "a:9092", kafka.EnvSecurityProtocol: "SASL_SSL", kafka.EnvSASLMechanism: "PLAIN",
		kafka.EnvSASLUsername: "billing", kafka.EnvSASLPassword: password,
	}
	for _, c := range []struct {
		name  string
		pairs []string
		says  string
	}{
		{"no brokers", []string{kafka.EnvBrokers, ","}, "KAFKA_BROKERS is not set"},
		{"no port", []string{kafka.EnvBrokers, "a:9092,b"}, `KAFKA_BROKERS: found "b", expected host:port`},
		{"prefix", []string{kafka.EnvTopicPrefix, "a b"}, `KAFKA_TOPIC_PREFIX: found "a b", expected at most 100 letters`},
		{"number", []string{kafka.EnvReplicationFactor, "three"}, `KAFKA_REPLICATION_FACTOR: found "three", expected a number from 1`},
		{"in sync", []string{kafka.EnvMinInSyncReplicas, "4"}, "KAFKA_MIN_INSYNC_REPLICAS: found 4, expected at most KAFKA_REPLICATION_FACTOR, which is 3"},
		{"compression", []string{kafka.EnvCompression, "LZ4"}, `KAFKA_COMPRESSION: found "LZ4", expected one of uncompressed, gzip, snappy, lz4, zstd`},
		{"settings", []string{kafka.EnvProviderSettings, "compression.type,segment.ms"}, `KAFKA_PROVIDER_SETTINGS: found "segment.ms", expected some of cleanup.policy, compression.type,`},
		{"no port", []string{kafka.EnvBrokers, "a:kafka"}, `KAFKA_BROKERS: found "a:kafka", expected host:port`},
		{"protocol", []string{kafka.EnvSecurityProtocol, "TLS"}, `KAFKA_SECURITY_PROTOCOL: found "TLS", expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL`},
		{"mechanism", []string{kafka.EnvSASLMechanism, "GSSAPI"}, `KAFKA_SASL_MECHANISM: found "GSSAPI", expected one of PLAIN, SCRAM-SHA-256`},
		{"no mechanism", []string{kafka.EnvSASLMechanism, ""}, "KAFKA_SASL_MECHANISM is not set"},
		{"no username", []string{kafka.EnvSASLUsername, ""}, "KAFKA_SASL_USERNAME is not set"},
		{"no password", []string{kafka.EnvSASLPassword, ""}, "KAFKA_SASL_PASSWORD is not set"},
		{"two passwords", []string{kafka.EnvSASLPasswordFile, "x"}, "KAFKA_SASL_PASSWORD: found a password, and a file in KAFKA_SASL_PASSWORD_FILE"},
		{"no password file", []string{kafka.EnvSASLPassword, "", kafka.EnvSASLPasswordFile, "/nowhere"}, "KAFKA_SASL_PASSWORD_FILE: found a path that cannot be read (no such file"},
		{"empty password file", []string{kafka.EnvSASLPassword, "", kafka.EnvSASLPasswordFile, file(t, "\n")}, "KAFKA_SASL_PASSWORD_FILE: found an empty file"},
		{"large file", []string{kafka.EnvCA, file(t, strings.Repeat("x", 2<<20))}, "larger than 1048576 bytes"},
		{"no authority", []string{kafka.EnvCA, file(t, key)}, "KAFKA_SSL_CA_LOCATION: found a file without a certificate"},
		{"no key", []string{kafka.EnvCertificate, file(t, certificate)}, "KAFKA_SSL_KEY_LOCATION is not set"},
		{"no certificate", []string{kafka.EnvKey, file(t, key)}, "KAFKA_SSL_CERTIFICATE_LOCATION is not set"},
		{"no pair", []string{kafka.EnvCertificate, file(t, certificate), kafka.EnvKey, file(t, otherKey)}, "KAFKA_SSL_CERTIFICATE_LOCATION: found files that are no pair"},
		{
			"encrypted",
			[]string{kafka.EnvCertificate, file(t, certificate), kafka.EnvKey, file(t, strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE"))},
			"KAFKA_SSL_KEY_LOCATION: found a key that is encrypted",
		},
		{"SASL in vain", []string{kafka.EnvSecurityProtocol, "SSL"}, "KAFKA_SASL_PASSWORD: found a value, expected none, as KAFKA_SECURITY_PROTOCOL is SSL; did you mean SASL_SSL"},
		{"TLS in vain", []string{kafka.EnvSecurityProtocol, "", kafka.EnvCA, "x"}, "KAFKA_SSL_CA_LOCATION: found a value, expected none, as KAFKA_SECURITY_PROTOCOL is PLAINTEXT, the default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := fromEnv(with(sasl, c.pairs...))
			require.ErrorContains(t, err, c.says)
			var mistake *kafka.VariableError
			require.ErrorAs(t, err, &mistake)
			require.NotContains(t, err.Error(), password)
		})
	}
}

func TestFromEnvReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		kafka.EnvBrokers: "a", kafka.EnvTopicPrefix: "/", kafka.EnvReplicationFactor: "-1", kafka.EnvSecurityProtocol: "SASL_SSL", kafka.EnvCA: "/nowhere",
	}
	_, err := kafka.FromEnv(func(name string) string { return env[name] }, topics.Category{Name: "Account", Partitions: -1})
	for _, variable := range []string{
		kafka.EnvBrokers, kafka.EnvTopicPrefix, kafka.EnvReplicationFactor, kafka.EnvCA, kafka.EnvSASLMechanism, kafka.EnvSASLUsername, kafka.EnvSASLPassword,
	} {
		require.ErrorContains(t, err, variable)
	}
	require.ErrorContains(t, err, "found -1 partitions")
	require.NotContains(t, err.Error(), "Brokers:", "a mistake is reported once")
}

func TestSecurityIsChecked(t *testing.T) {
	t.Parallel()
	cfg := kafka.Config{
		Connection: connection.Config{
			Brokers:  []string{"a:9092"},
			Security: connection.Security{SASL: &connection.SASL{Mechanism: "GSSAPI"}},
		},
		Topics: topics.Config{Categories: []topics.Category{{Name: category}}},
	}
	_, err := cfg.Topics.All()
	for _, says := range []string{`Security.SASL.Mechanism: found "GSSAPI"`, "Security.SASL.Username is empty", "Security.SASL.Password is empty"} {
		require.ErrorContains(t, err, says)
	}
	cfg.Connection.Security.SASL = &connection.SASL{Mechanism: connection.PLAIN, Username: "a\x00b", Password: connection.NewSecret(password)}
	_, err = cfg.Topics.All()
	require.ErrorContains(t, err, "zero byte")
	require.NotContains(t, err.Error(), password)
}

func TestSecretIsNotShown(t *testing.T) {
	t.Parallel()
	s := connection.NewSecret(password)
	hidden := struct{ field connection.Secret }{s} // fmt calls no methods of unexported fields
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb, s)
		fmt.Fprintf(&shown, verb, &s)
		fmt.Fprintf(&shown, verb, hidden)
		fmt.Fprintf(&shown, verb, errors.Join(fmt.Errorf("%v", s)))
	}
	logger := slog.New(slog.NewJSONHandler(&shown, nil))
	logger.Info("x", "secret", s, "hidden", hidden)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "secret", s, "hidden", hidden)
	encoded, err := json.Marshal(map[string]any{"secret": s, "hidden": hidden})
	require.NoError(t, err)
	shown.Write(encoded)
	require.Contains(t, shown.String(), "[redacted]")
	require.NotContains(t, shown.String(), password)
	require.NotContains(t, shown.String(), fmt.Sprintf("%x", password))

	require.Equal(t, password, s.Reveal())
	require.Equal(t, connection.Secret{}, connection.NewSecret(""))
	require.Empty(t, connection.Secret{}.Reveal())
	require.Empty(t, connection.Secret{}.String())
}
