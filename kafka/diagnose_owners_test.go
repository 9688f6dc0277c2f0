package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// Whoever writes with other transactional ids than the configured ones is told of, until the service has written again.
func TestDiagnoseOwners(t *testing.T) {
	_, cfg := fake(t)
	finding(t, kafka.Diagnose(t.Context(), cfg), "owners", kafka.VerdictSkipped, "nothing is written yet")
	require.NoError(t, open(t, cfg).Close())
	requireHealthy(t, kafka.Diagnose(t.Context(), cfg))

	foreign := cfg
	foreign.TransactionalIDPrefix = "foreign"
	never := kafka.Diagnose(t.Context(), foreign)
	finding(t, never, "owners", kafka.VerdictWarning, "transactional id foreign.fencelog.account.events.0 has none")
	s := open(t, foreign)
	_, err := s.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	found := finding(t, kafka.Diagnose(t.Context(), cfg), "owners", kafka.VerdictWarning, "wrote last in 1 of 1 partitions (fencelog.account.events 0)")
	require.Contains(t, found.Found, "transactional id fencelog.fencelog.account.events.0 has producer id")
	require.Contains(t, found.Do, "the same KAFKA_TRANSACTIONAL_ID_PREFIX")
	requireHealthy(t, kafka.Diagnose(t.Context(), foreign))

	require.NoError(t, open(t, cfg).Close())
	finding(t, kafka.Diagnose(t.Context(), cfg), "owners", kafka.VerdictOK, "in 1 partitions")
}
