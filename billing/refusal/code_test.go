package refusal_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/eventstore"
)

const errTooMuch refusal.Code = "TooMuch"

type tooMuchError struct{ found, most int }

func (e *tooMuchError) Error() string {
	return fmt.Sprintf("found %d, expected at most %d", e.found, e.most)
}
func (e *tooMuchError) Unwrap() error { return errTooMuch }

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want refusal.Code
		ok   bool
	}{
		{"nil", nil, "", false},
		{"a failure", io.ErrUnexpectedEOF, "", false},
		{"a code", errTooMuch, "TooMuch", true},
		{"an error with facts", &tooMuchError{3, 2}, "TooMuch", true},
		{"a wrapped one", fmt.Errorf("order 7: %w", &tooMuchError{3, 2}), "TooMuch", true},
		{"a joined one", errors.Join(io.EOF, &tooMuchError{3, 2}), "TooMuch", true},
		{"of the store", fmt.Errorf("update: %w", &eventstore.CommandReusedError{}), "CommandReused", true},
		{"a mistake of the caller", &eventstore.InvalidError{}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, ok := refusal.Of(c.err)
			require.Equal(t, c.want, code)
			require.Equal(t, c.ok, ok)
			require.Equal(t, code == errTooMuch, errors.Is(c.err, errTooMuch))
		})
	}
}

func ExampleOf() {
	err := fmt.Errorf("order 7: %w", &tooMuchError{found: 3, most: 2})
	code, ok := refusal.Of(err)
	fmt.Println(code, ok)
	fmt.Println(err)
	// Output:
	// TooMuch true
	// order 7: found 3, expected at most 2
}
