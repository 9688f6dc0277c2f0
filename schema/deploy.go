package schema

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/event"
)

// Deploy is the deployment step as a whole: what CheckRelease does, and then Register. Nothing is registered that CheckRelease reports.
func Deploy(
	ctx context.Context, registry Registry, sources Sources, types []event.Type, level Compatibility, cfg Config,
) ([]Registered, error) {
	if err := CheckRelease(ctx, registry, sources, level, cfg); err != nil {
		return nil, err
	}
	return Register(ctx, registry, sources, types, cfg)
}

// CheckRelease reports, all at once, everything that keeps the schemas of sources from being registered at the level: a file that is not
// its latest released revision, and what [Released] and [Check] report, against the released files and against the registry, which
// may have been given other schemas. It registers nothing.
func CheckRelease(ctx context.Context, registry Registry, sources Sources, level Compatibility, cfg Config) error {
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
