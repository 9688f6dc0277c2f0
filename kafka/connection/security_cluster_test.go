//go:build cluster

package connection_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

const (
	principal       = "billing"
	servicePassword = "open-Sesame-ª-42" // SASLprep would turn ª into a, and Kafka does not
	wrongPassword   = "wrong-horse-battery"
	loginLife       = "1500" // milliseconds until brokers ask for the login again
	testTopics      = "test-"
)

// One cluster with all listeners and ACLs is enough for all tests of security.
func TestSecuredBrokers(t *testing.T) {
	users := map[string]string{
		principal: servicePassword, stranger: servicePassword, sharer: servicePassword,
		deployer: servicePassword,
	}
	for i := range leastPrivilege() {
		users[lacking(i)] = servicePassword
	}
	for i := range deployPrivilege() {
		users[deployerLacking(i)] = servicePassword
	}
	c := kafkatest.ForTest(t, kafkatest.Config{
		Security:   &kafkatest.Security{Users: users, ACLs: true},
		Properties: map[string]string{"listener.name.sasl_ssl.connections.max.reauth.ms": loginLife},
	})
	allowAll(t, c)
	t.Run("a store works over", func(t *testing.T) { testStoresOver(t, c) })
	t.Run("logins are renewed", func(t *testing.T) { testLoginsAreRenewed(t, c) })
	t.Run("no connection", func(t *testing.T) { testMismatches(t, c) })
	t.Run("no secret is shown", func(t *testing.T) { testNoSecretIsShown(t, c) })
	t.Run("least privilege", func(t *testing.T) { testLeastPrivilege(t, c) })
	t.Run("only the service writes", func(t *testing.T) { testOnlyTheServiceWrites(t, c) })
	t.Run("consumer groups", func(t *testing.T) { testGroupPrivilege(t, c) })
	t.Run("creating topics", func(t *testing.T) { testDeployPrivilege(t, c) })
}

// from returns the configuration that the variables give. Its topics are new names, and from does
// not make them.
func from(t *testing.T, env map[string]string) kafka.Config {
	t.Helper()
	cfg, err := environment.Read(func(name string) string { return env[name] },
		topics.Category{Name: storetest.Category, Partitions: 2})
	require.NoError(t, err)
	cfg.Topics.Prefix = testTopics + uuid.NewString()[:8]
	cfg.Logger = storetest.Quiet()
	return cfg
}

// arranged is from with the topics made, by a user who may make them.
func arranged(t *testing.T, c *kafkatest.Cluster, env map[string]string) kafka.Config {
	t.Helper()
	cfg := from(t, env)
	open := cfg
	open.Connection.Brokers, open.Connection.Security = c.Brokers(), connection.Security{}
	kafkatest.Topics(t, open)
	return cfg
}

func testStoresOver(t *testing.T, c *kafkatest.Cluster) {
	for _, l := range []struct {
		name     string
		env      map[string]string
		security string
	}{
		{"SASL_SSL, SCRAM-SHA-512", c.Environment(kafkatest.SASLSSL, principal), "SASL_SSL, SCRAM-SHA-512 as billing"},
		{"mutual TLS", c.Environment(kafkatest.MutualSSL, principal), "SSL, with a client certificate"},
		{
			"SASL_SSL, PLAIN", storetest.With(c.Environment(kafkatest.SASLSSL, principal), environment.SASLMechanism,
				"PLAIN"),
			"SASL_SSL, PLAIN as billing",
		},
		{
			"SASL_SSL, SCRAM-SHA-256",
			storetest.With(c.Environment(kafkatest.SASLSSL, principal), environment.SASLMechanism,
				"SCRAM-SHA-256"),
			"SASL_SSL, SCRAM-SHA-256 as billing",
		},
		{
			"SASL_PLAINTEXT", c.Environment(kafkatest.SASLPlaintext, principal),
			"SASL_PLAINTEXT, SCRAM-SHA-512 as billing",
		},
		// this is User:ANONYMOUS, who may do everything here
		{"one-way TLS", c.Environment(kafkatest.SSL, principal), "SSL"},
	} {
		t.Run(l.name, func(t *testing.T) {
			cfg := arranged(t, c, l.env)
			require.Equal(t, l.security, cfg.Connection.Security.String())
			first := storetest.Open(t, cfg)
			commit := storetest.Records(2, "")
			_, err := first.Append(t.Context(), eventstore.To(storetest.Stream("a"), eventstore.NoStream, commit...))
			require.NoError(t, err)
			require.Equal(t, storetest.IDsOf(commit), storetest.IDs(t, first, "a"))

			second := storetest.Open(t, cfg)
			require.Equal(t, storetest.IDsOf(commit), storetest.IDs(t, second, "a"))
			_, err = first.Append(t.Context(),
				eventstore.To(storetest.Stream("a"), eventstore.Any, storetest.Records(1, "")...))
			require.ErrorIs(t, err, eventstore.ErrNotOwner)
			_, err = second.Append(t.Context(), eventstore.To(storetest.Stream("a"), 2, storetest.Records(1, "")...))
			require.NoError(t, err)
			n := 0
			for _, err := range second.ReadCategory(t.Context(), storetest.Category, eventstore.Beginning()) {
				require.NoError(t, err)
				n++
			}
			require.Equal(t, 3, n)
		})
	}
}

// Brokers let a login live for a time (connections.max.reauth.ms), and then cut connections whose
// login was not renewed. The client renews a login when most of its life is over. If the next
// request is late by the rest of that life, it still meets the cut. So the test needs only one
// store of five that meets no cut. Each store lives for three logins.
func testLoginsAreRenewed(t *testing.T, c *kafkatest.Cluster) {
	cfg := arranged(t, c, c.Environment(kafkatest.SASLSSL, principal))
	const tries = 5
	var log string
	for range tries {
		if log = loginsAreRenewed(t, cfg); log == "" {
			return
		}
		t.Log(log)
	}
	require.Empty(t, log, "no append had to be tried again")
}

// loginsAreRenewed appends for some lives of a login, and returns what the store logged meanwhile.
func loginsAreRenewed(t *testing.T, cfg kafka.Config) string {
	t.Helper()
	var log bytes.Buffer
	var level slog.LevelVar
	level.Set(slog.LevelError) // a claim may have to wait for brokers that have just started
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: &level}))
	s := storetest.Open(t, cfg)
	level.Set(slog.LevelWarn)
	life, err := time.ParseDuration(loginLife + "ms")
	require.NoError(t, err)
	tick := time.NewTicker(life / 10)
	defer tick.Stop()
	for end := time.Now().Add(3 * life); time.Now().Before(end); <-tick.C {
		_, err := s.Append(t.Context(),
			eventstore.To(storetest.Stream("a"), eventstore.Any, storetest.Records(1, "")...))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	return log.String()
}

func testMismatches(t *testing.T, c *kafkatest.Cluster) {
	sasl, plain := c.Environment(kafkatest.SASLSSL, principal), c.Environment(kafkatest.SASLPlaintext, principal)
	address := func(l kafkatest.Listener) string { return strings.Join(c.Addresses(l), ",") }
	for _, m := range []struct {
		name   string
		env    map[string]string
		change func(*kafka.Config)
		says   []string
	}{
		{
			name: "wrong password, SCRAM", env: storetest.With(sasl, environment.SASLPassword, wrongPassword),
			says: []string{"refuses the username or the password", "SASL_SSL, SCRAM-SHA-512 as billing"},
		},
		{
			name: "wrong password, PLAIN", env: storetest.With(sasl, environment.SASLPassword, wrongPassword,
				environment.SASLMechanism, "PLAIN"),
			says: []string{"refuses the username or the password"},
		},
		{
			name: "unknown user", env: storetest.With(sasl, environment.SASLUsername, "nobody"),
			says: []string{"as nobody", "refuses the username"},
		},
		{
			name: "unknown authority", env: storetest.With(sasl, environment.CA, ""),
			says: []string{"signed by an authority that is not trusted", "KAFKA_SSL_CA_LOCATION"},
		},
		{
			name: "another host's certificate", env: sasl, change: func(cfg *kafka.Config) {
				cfg.Connection.Security.TLS.ServerName = "elsewhere.example"
			},
			says: []string{"not for the name that was dialled, elsewhere.example", "advertised.listeners"},
		},
		{name: "an expired certificate", env: sasl, change: func(cfg *kafka.Config) {
			cfg.Connection.Security.TLS.Time = func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }
		}, says: []string{"not valid now", "clock"}},
		{
			name: "no client certificate", env: storetest.With(c.Environment(kafkatest.MutualSSL, principal),
				environment.Certificate, "", environment.Key, ""),
			says: []string{"breaks TLS off", "client certificate"},
		},
		{
			name: "no TLS, and the listener wants it", env: storetest.With(plain, environment.Brokers,
				address(kafkatest.SASLSSL)),
			says: []string{"speaks TLS only", "connect with TLS"},
		},
		{
			name: "nothing, and the listener wants TLS",
			env:  map[string]string{environment.Brokers: address(kafkatest.SSL)},
			says: []string{"speaks TLS only"},
		},
		{
			name: "TLS, and the listener speaks none", env: storetest.With(sasl, environment.Brokers,
				address(kafkatest.SASLPlaintext)),
			says: []string{"speaks no TLS"},
		},
		{
			name: "SASL, and the listener takes none", env: storetest.With(plain, environment.Brokers,
				strings.Join(c.Brokers(), ",")),
			says: []string{"takes no SASL"},
		},
		{
			name: "no SASL, and the listener wants it",
			env:  map[string]string{environment.Brokers: address(kafkatest.SASLPlaintext)},
			says: []string{"lets nobody in without SASL"},
		},
		{
			name: "TLS and no SASL, and the listener wants both",
			env: map[string]string{
				environment.Brokers: address(kafkatest.SASLSSL), environment.SecurityProtocol: "SSL",
				environment.CA: sasl[environment.CA],
			},
			says: []string{"lets nobody in without SASL"},
		},
	} {
		t.Run(m.name, func(t *testing.T) {
			cfg := from(t, m.env)
			if m.change != nil {
				m.change(&cfg)
			}
			for name, try := range map[string]func(context.Context) error{
				"open": func(ctx context.Context) error { _, err := storetest.Claimed(ctx, cfg); return err },
				"create": func(ctx context.Context) error {
					_,
						err := topics.Create(ctx, cfg.Connection, cfg.Topics)
					return err
				},
				"check": func(ctx context.Context) error {
					_,
						err := topics.Check(ctx, cfg.Connection, cfg.Topics)
					return err
				},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				begun := time.Now()
				err := try(ctx)
				require.NoError(t, ctx.Err(), name)
				cancel()
				require.Less(t, time.Since(begun), 20*time.Second, "told at once")
				require.ErrorIs(t, err, connection.ErrSecurity, name)
				var mismatch *connection.SecurityError
				require.ErrorAs(t, err, &mismatch)
				require.Contains(t, cfg.Connection.Brokers, mismatch.Broker)
				for _, says := range m.says {
					require.ErrorContains(t, err, says)
				}
			}
		})
	}
}

// Nothing that is printed, logged or returned shows a password.
func testNoSecretIsShown(t *testing.T, c *kafkatest.Cluster) {
	var seen bytes.Buffer
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for _, password := range []string{wrongPassword, servicePassword} {
			env := storetest.With(c.Environment(kafkatest.SASLSSL, principal), environment.SASLMechanism, mechanism,
				environment.SASLPassword, password)
			cfg := arranged(t, c, env)
			cfg.Logger = slog.New(slog.NewJSONHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}))
			cfg.Logger.Info("configured", "config", cfg, "security", cfg.Connection.Security, "sasl",
				cfg.Connection.Security.SASL, "password", cfg.Connection.Security.SASL.Password)
			s, err := storetest.Claimed(t.Context(), cfg)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				for _, v := range []any{
					cfg, cfg.Connection.Security, cfg.Connection.Security.SASL, *cfg.Connection.Security.SASL,
					cfg.Connection.Security.SASL.Password, err,
				} {
					fmt.Fprintf(&seen, verb, v)
				}
			}
			encoded, jsonErr := json.Marshal(cfg.Connection.Security)
			require.NoError(t, jsonErr)
			seen.Write(encoded)
			require.Equal(t, password == servicePassword, err == nil, err)
			if err == nil {
				fmt.Fprintf(&seen, "%+v", s)
				require.NoError(t, s.Close())
			}
		}
	}
	require.Contains(t, seen.String(), "billing", "something was seen")
	require.Contains(t, seen.String(), "[redacted]")
	for _, password := range []string{wrongPassword, servicePassword} {
		require.NotContains(t, seen.String(), password)
		require.NotContains(t, seen.String(), fmt.Sprintf("%x", password))
	}
}
