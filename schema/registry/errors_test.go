package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestUnavailableIsWhatMayPass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  registry.Error
		want bool
	}{
		{registry.Error{Reason: schema.ErrUnavailable}, true},
		{registry.Error{Reason: schema.ErrUnauthorized}, true},
		{registry.Error{Err: fmt.Errorf("read folder: %w", schema.ErrUnavailable)}, true},
		{registry.Error{Err: fmt.Errorf("gave up: %w", context.Canceled)}, true},
		{registry.Error{Reason: schema.ErrNotFound}, false},
		{registry.Error{Reason: registry.ErrRefused, Err: errors.New("no")}, false},
		{registry.Error{Reason: schema.ErrInvalidSchema}, false},
	} {
		require.Equal(t, test.want, test.err.Unavailable(), test.err.Error())
	}
}
