package registry

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

// Deploy is the deployment step as a whole: CheckRelease, and then Register. If CheckRelease fails,
// so does Deploy, and nothing is registered.
func Deploy(
	ctx context.Context, registry Registry, sources schema.Sources, types []event.Type, level change.Compatibility,
	cfg schema.Config,
) ([]schema.Registered, error) {
	if err := CheckRelease(ctx, registry, sources, level, cfg); err != nil {
		return nil, err
	}
	return Register(ctx, registry, sources, types, cfg)
}

// CheckRelease fails, all at once, if the schemas of sources may not be registered at the level:
//
//   - a file is not its latest released revision;
//   - [Released] fails, or [Check] against the released revisions;
//   - [Check] fails against the registry, which may have been given other schemas.
//
// It registers nothing.
func CheckRelease(
	ctx context.Context, registry Registry, sources schema.Sources, level change.Compatibility, cfg schema.Config,
) error {
	released, err := Released(ctx, sources, cfg)
	if err != nil {
		return err
	}
	checked, err := Check(ctx, released, sources, level, cfg)
	mistakes := []error{err}
	for _, c := range checked {
		mistakes = append(mistakes, c.Unreleased())
	}
	_, err = Check(ctx, registry, sources, level, cfg)
	return errors.Join(append(mistakes, err)...)
}
