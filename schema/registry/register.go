package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/expected"
	"github.com/fencelog/fencelog/schema/internal/files"
)

// Register registers the schemas of the event types that the registry does not have: the deployment
// step before a service that needs them. It registers earlier revisions first, so that a revision
// has the same number in every registry, see [schema.Sources]. It may be repeated.
//
// It returns what each schema is registered as, in the order of types. Its errors are those of
// [schema.Codec.Bind]. Nothing is registered if a file or a Go type is wrong.
func Register(
	ctx context.Context, registry Registry, sources schema.Sources, types []event.Type, cfg schema.Config,
) ([]schema.Registered, error) {
	done := make(map[event.Type]schema.Registered, len(types))
	register := registrar(registry)
	cfg.Register = func(ctx context.Context, f schema.File) (schema.Registered, error) {
		is, err := register(ctx, f)
		done[f.Type] = is
		return is, err
	}
	c, err := schema.NewCodec(registry, sources, cfg)
	if err != nil {
		return nil, err
	}
	if err := c.Bind(ctx, types); err != nil {
		return nil, err
	}
	all := make([]schema.Registered, len(types))
	for i, t := range types {
		all[i] = done[t]
	}
	return all, nil
}

// NewCodec returns a codec that registers the schemas of the event types that it binds, as Register
// does. It is for tests and for programs that keep their registry in memory. A service in
// production takes [schema.NewCodec], and does not start before the deployment step was made.
func NewCodec(registry Registry, sources schema.Sources, cfg schema.Config) (*schema.Codec, error) {
	cfg.Register = registrar(registry)
	return schema.NewCodec(registry, sources, cfg)
}

// registrar returns the function that registers a schema file after its released revisions.
func registrar(registry Registry) func(context.Context, schema.File) (schema.Registered, error) {
	return func(ctx context.Context, f schema.File) (schema.Registered, error) {
		for i, text := range f.Released {
			if err := registerRevision(ctx, registry, f, i+1, text); err != nil {
				return schema.Registered{}, fmt.Errorf("%s: %w", files.Revision(f.Type.Name, i+1), err)
			}
		}
		return registry.Register(ctx, f.Subject, f.Text)
	}
}

// registerRevision registers a released revision, unless it would get another number.
func registerRevision(ctx context.Context, registry Registry, f schema.File, revision int, text string) error {
	misnumbered := func(version int) error {
		return fmt.Errorf("%w: %s", schema.ErrMismatch,
			files.Misnumbered(f.Subject, files.Revision(f.Type.Name, revision), version))
	}
	is, err := registry.Find(ctx, f.Subject, text)
	if errors.Is(err, schema.ErrNotFound) {
		is, err = registry.Latest(ctx, f.Subject)
		if err == nil && is.Version >= revision {
			latest := is.Version
			// A node that lags behind may have said that the schema is not there.
			is, err = registry.Find(expected.Mark(ctx), f.Subject, text)
			if errors.Is(err, schema.ErrNotFound) {
				return misnumbered(latest + 1)
			}
		} else if err == nil || errors.Is(err, schema.ErrNotFound) {
			is, err = registry.Register(ctx, f.Subject, text)
		}
	}
	if err == nil && is.Version != revision {
		err = misnumbered(is.Version)
	}
	return err
}
