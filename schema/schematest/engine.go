package schematest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fencelog/fencelog/schema"
)

// Refusals names the cases of [TestEngine] that an engine refuses, each with a part of what its
// error says. A refusal is an error that wraps [schema.ErrUnsupported], at start-up or for the
// first value of an old revision; a wrong value is none.
type Refusals map[string]string

// TestEngine checks that e keeps every promise of [schema.Engine], as a codec uses it. Its cases
// are values of each kind, by the bytes that the Avro specification gives for them, evolution, and
// hostile bytes. For hostile bytes it measures what is allocated. So it must not run in parallel
// with other tests.
//
// A case in refused must be refused, and one that is not must hold. So a list that is no longer
// true fails.
func TestEngine(t *testing.T, e schema.Engine, refused Refusals) {
	t.Helper()
	cases := engineCases()
	unknown := maps.Clone(refused)
	for _, c := range cases {
		why, isRefused := refused[c.name]
		delete(unknown, c.name)
		t.Run(c.name, func(t *testing.T) {
			err := c.run(t.Context(), e)
			switch {
			case !isRefused && err != nil:
				t.Fatal(err)
			case isRefused && err == nil:
				t.Fatalf("the engine does this now; take %q from the refusals", c.name)
			case isRefused && !errors.Is(err, schema.ErrUnsupported):
				t.Fatalf("expected a refusal, an error that wraps schema.ErrUnsupported; found: %v", err)
			case isRefused && !strings.Contains(err.Error(), why):
				t.Fatalf("expected a refusal that says %q; found: %v", why, err)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		t.Errorf("the suite has no case %q; take it from the refusals", name)
	}
}

// engineCase is one promise. run returns nil if e keeps it.
type engineCase struct {
	name string
	run  func(ctx context.Context, e schema.Engine) error
}

func engineCases() []engineCase {
	return slices.Concat(valueCases(), encodeCases(), evolutionCases(), hostileCases())
}

// expect returns nil if err wraps each of the reasons.
func expect(err error, what string, reasons ...error) error {
	for _, reason := range reasons {
		if !errors.Is(err, reason) {
			return fmt.Errorf("%s: expected an error that says %q, found error: %w", what, reason.Error(), orNone(err))
		}
	}
	return nil
}

var errNone = errors.New("none")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}
