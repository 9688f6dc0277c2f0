package damage

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestStartAgain(t *testing.T) {
	t.Parallel()
	notReady, other := fmt.Errorf("broker: %w", kafkatest.ErrNotReady), errors.New("other")
	for _, c := range []struct {
		name    string
		answers []error
		killed  int
		want    error
	}{
		{"ready", []error{nil}, 0, nil},
		{"ready the second time", []error{notReady, nil}, 1, nil},
		{"never ready", []error{notReady, notReady}, 1, notReady},
		{"another error", []error{other}, 0, other},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			started, killed := 0, 0
			err := startAgain(t.Context(), func(context.Context) error {
				started++
				return c.answers[started-1]
			}, func() error {
				killed++
				return nil
			})
			require.Equal(t, c.want, err)
			require.Equal(t, c.killed, killed)
			require.Len(t, c.answers, started)
		})
	}
}
