package letters_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/letters"
)

func TestSchemaID(t *testing.T) {
	t.Parallel()
	for want, value := range map[int]string{0: "", 258: "\x00\x00\x00\x01\x02value"} {
		require.Equal(t, want, (&letters.Entry{Value: []byte(value)}).SchemaID())
	}
	require.Zero(t, (&letters.Entry{Value: []byte("\x01\x00\x00\x01\x02value")}).SchemaID(), "another format")
}
