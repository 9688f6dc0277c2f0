package schema_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

func TestUnavailableIsWhatMayPass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  schema.RegistryError
		want bool
	}{
		{schema.RegistryError{Reason: schema.ErrUnavailable}, true},
		{schema.RegistryError{Reason: schema.ErrUnauthorized}, true},
		{schema.RegistryError{Err: fmt.Errorf("read folder: %w", schema.ErrUnavailable)}, true},
		{schema.RegistryError{Err: fmt.Errorf("gave up: %w", context.Canceled)}, true},
		{schema.RegistryError{Reason: schema.ErrNotFound}, false},
		{schema.RegistryError{Reason: schema.ErrRefused, Err: errors.New("no")}, false},
		{schema.RegistryError{Reason: schema.ErrInvalidSchema}, false},
	} {
		require.Equal(t, test.want, test.err.Unavailable(), test.err.Error())
	}
}
