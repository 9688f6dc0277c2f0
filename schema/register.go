package schema

import (
	"context"

	"github.com/fencelog/fencelog/event"
)

// Register registers the schemas of the given event types where the registry does not have them: the deployment step
// that comes before a service that needs them. Earlier releases come first, so that a version has the same number in every
// registry, see [Sources]. It returns what each schema is registered as, in the order of types, and may be repeated.
//
// Nothing is registered if a file or a Go type is wrong; the errors are those of [Codec.Bind].
func Register(ctx context.Context, registry Registry, sources Sources, types []event.Type, cfg Config) ([]Registered, error) {
	cfg.Register = true
	c, err := NewCodec(registry, sources, cfg)
	if err != nil {
		return nil, err
	}
	if err := c.Bind(ctx, types); err != nil {
		return nil, err
	}
	done := make([]Registered, len(types))
	for i, t := range types {
		done[i] = c.types.Load().of(t).is
	}
	return done, nil
}
