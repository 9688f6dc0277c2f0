package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
)

// Files returns today's schema files with their subjects and released revisions, by category and
// then by name. The types have no Go type: it is for tools that have none. It fails, all at once,
// with [schema.ErrInvalidSchema] for each file that is not the schema of the event that it is named
// after.
func Files(sources schema.Sources, cfg schema.Config) ([]schema.File, error) {
	var all []schema.File
	var mistakes []error
	for _, category := range slices.Sorted(maps.Keys(sources)) {
		names, err := fs.Glob(sources[category], files.Today)
		mistakes = append(mistakes, err)
		for _, name := range names {
			f, err := fileOf(sources[category], category, name, cfg)
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s of %s: %w", name, category, err))
			}
			all = append(all, f)
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("schema files: %w", err)
	}
	return all, nil
}

func fileOf(source fs.FS, category, name string, cfg schema.Config) (schema.File, error) {
	text, err := fs.ReadFile(source, name)
	if err != nil {
		return schema.File{}, err
	}
	r, err := avsc.ParseRecord(string(text))
	if err != nil {
		return schema.File{}, fmt.Errorf("%w: %w", schema.ErrInvalidSchema, err)
	}
	f := schema.File{
		Type:    event.Type{Category: category, Name: strings.TrimSuffix(name, files.Suffix)},
		Subject: cfg.SubjectOf(category, r.Name), Text: string(text),
	}
	if r.Short != f.Type.Name {
		return schema.File{}, fmt.Errorf("%w: found a record named %q, expected %q",
			schema.ErrInvalidSchema, r.Short, f.Type.Name)
	}
	f.Released, err = files.ReadRevisions(source, f.Type.Name)
	return f, err
}

// DeployFiles is [Deploy] of all [Files], in their order. It looks at no Go type.
func DeployFiles(
	ctx context.Context, registry Registry, sources schema.Sources, level change.Compatibility, cfg schema.Config,
) ([]schema.Registered, error) {
	all, err := Files(sources, cfg)
	if err != nil {
		return nil, err
	}
	if err := CheckRelease(ctx, registry, sources, level, cfg); err != nil {
		return nil, err
	}
	register := registrar(registry)
	done := make([]schema.Registered, len(all))
	for i, f := range all {
		if done[i], err = register(ctx, f); err != nil {
			return nil, fmt.Errorf("register %s of %s: %w", f.Type.Name, f.Type.Category, err)
		}
	}
	return done, nil
}
