package connection_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/connection"
)

const password = "tell-nobody-42"

func TestSecurityIsChecked(t *testing.T) {
	t.Parallel()
	cfg := connection.Config{
		Brokers:  []string{"a:9092"},
		Security: connection.Security{SASL: &connection.SASL{Mechanism: "GSSAPI"}},
	}
	_, err := cfg.Complete()
	for _, says := range []string{
		`Connection.Security.SASL.Mechanism: found "GSSAPI"`, "Connection.Security.SASL.Username is empty",
		"Connection.Security.SASL.Password is empty",
	} {
		require.ErrorContains(t, err, says)
	}
	cfg.Security.SASL = &connection.SASL{
		Mechanism: connection.PLAIN, Username: "a\x00b", Password: connection.NewSecret(password),
	}
	_, err = cfg.Complete()
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
