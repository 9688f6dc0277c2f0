package environment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Variables, and the files that they name, may hold anything. Then nothing panics, and no error
// shows a secret. Sarama accepts each configuration that Read accepts.
func FuzzRead(f *testing.F) {
	const marked = "tell-nobody-" // begins every secret
	f.Add("a:9092", "SASL_SSL", "PLAIN", "billing", "password", "", "billing", "3", "2", "", "")
	f.Add("a:9092,b:9092", "SASL_PLAINTEXT", "scram-sha-512", "b", "", "password\n", "x y", "0", "9", "", "")
	f.Add("a", "SSL", "", "", "", "", "", "-1", "x", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----")
	f.Add("[::1]:1", "", "PLAIN", "", "p", "p", ".", "1", "1", "\x00",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, brokers, protocol, mechanism, user, password, passwordFile, prefix, replicas, inSync,
		certificate, key string,
	) {
		dir := t.TempDir()
		file := func(name, content string) string {
			if content == "" {
				return ""
			}
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			return path
		}
		secret := func(text string) string {
			if text == "" {
				return ""
			}
			return marked + text
		}
		env := map[string]string{
			environment.Brokers: brokers, environment.SecurityProtocol: protocol, environment.SASLMechanism: mechanism,
			environment.SASLUsername:     user,
			environment.SASLPassword:     secret(password),
			environment.SASLPasswordFile: file("password", secret(passwordFile)),
			environment.TopicPrefix:      prefix, environment.ClientID: prefix, environment.ReplicationFactor: replicas,
			environment.MinInSyncReplicas: inSync,
			environment.CA:                file("ca", certificate), environment.Certificate: file("certificate",
				certificate), environment.Key: file("key", secret(key)),
		}
		if strings.HasPrefix(passwordFile, "misplaced") { // the secret is in the place of its file's name
			env[environment.SASLPasswordFile], env[environment.Key] = secret(passwordFile), secret(key)
		}
		cfg, err := environment.Read(func(name string) string { return env[name] }, topics.Category{Name: "Account"})
		if err != nil {
			require.NotContains(t, err.Error(), marked)
			return
		}
		cfg, err = cfg.Complete()
		require.NoError(t, err)
		require.NoError(t, client.Sarama(cfg.Connection).Validate())
		require.NotContains(t, cfg.Connection.Security.String(), marked)
	})
}
