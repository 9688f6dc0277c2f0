package program_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/program"
)

func TestHash(t *testing.T) {
	t.Parallel()
	program.Prepare()
	path, err := os.Executable()
	require.NoError(t, err)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(b)
	for range 2 {
		found, err := program.Hash()
		require.NoError(t, err)
		require.Equal(t, hex.EncodeToString(sum[:]), found)
	}
}
