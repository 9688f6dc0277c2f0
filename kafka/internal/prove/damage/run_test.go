package damage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/prove/damage"
)

func TestUnknownScenariosAreRefused(t *testing.T) {
	_, err := damage.Run(t.Context(), damage.Config{Names: []string{"flood"}})
	require.ErrorContains(t, err, `found "flood", expected one of disks-restored, compacted`)
	require.NotEmpty(t, damage.Names())
}
