package schematest

import (
	"context"
	"slices"

	"github.com/fencelog/fencelog/schema"
)

// RunCase returns nil if e passes the case of the given name. It is there for the tests that break
// an engine on purpose.
func RunCase(ctx context.Context, e schema.Engine, name string) error {
	cases := engineCases()
	i := slices.IndexFunc(cases, func(c engineCase) bool { return c.name == name })
	return cases[i].run(ctx, e)
}
