package doctor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
)

// A program writes with other transactional ids than the configured ones. Diagnose tells of it
// until the service has written again.
func TestDiagnoseOwners(t *testing.T) {
	_, cfg := storetest.Fake(t)
	finding(t, doctor.Diagnose(t.Context(), cfg), "owners", doctor.Skipped, "nothing is written yet")
	require.NoError(t, storetest.Open(t, cfg).Close())
	requireHealthy(t, doctor.Diagnose(t.Context(), cfg))

	foreign := cfg
	foreign.TransactionalIDPrefix = "foreign"
	never := doctor.Diagnose(t.Context(), foreign)
	finding(t, never, "owners", doctor.Warning, "transactional id foreign.fencelog.account.events.0 has none")
	s := storetest.Open(t, foreign)
	_, err := s.Append(t.Context(),
		eventstore.To(storetest.Stream("a"), eventstore.NoStream, storetest.Records(1, "")...))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	found := finding(t, doctor.Diagnose(t.Context(), cfg), "owners", doctor.Warning,
		"wrote last in 1 of 1 partitions (fencelog.account.events 0)")
	require.Contains(t, found.Found, "transactional id fencelog.fencelog.account.events.0 has producer id")
	require.Contains(t, found.Do, "the same KAFKA_TRANSACTIONAL_ID_PREFIX")
	requireHealthy(t, doctor.Diagnose(t.Context(), foreign))

	require.NoError(t, storetest.Open(t, cfg).Close())
	finding(t, doctor.Diagnose(t.Context(), cfg), "owners", doctor.OK, "in 1 partitions")
}
