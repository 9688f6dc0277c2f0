package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
)

// Released returns a registry of the released revisions among sources, for [Check] and for tests
// that read stored events. It fails, all at once, if a revision is missing, is the same as another
// one, or has another namespace than the first.
func Released(ctx context.Context, sources schema.Sources, cfg schema.Config) (*Memory, error) {
	m := NewMemory()
	var mistakes []error
	for _, category := range slices.Sorted(maps.Keys(sources)) {
		names, err := fs.Glob(sources[category], files.Released)
		mistakes = append(mistakes, err)
		revisions := make(map[string]int)
		for _, name := range names {
			event, _, err := files.ParseRevision(name)
			mistakes = append(mistakes, err)
			revisions[event]++
		}
		for event, count := range revisions {
			if event != "" {
				mistakes = append(mistakes, m.release(ctx, sources[category], category, event, count, cfg))
			}
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("released schemas: %w", err)
	}
	return m, nil
}

// release registers the released revisions of an event type, of which there are count files.
func (m *Memory) release(
	ctx context.Context, source fs.FS, category, event string, count int, cfg schema.Config,
) error {
	texts, err := files.ReadRevisions(source, event)
	if err != nil {
		return fmt.Errorf("%w: %w", schema.ErrNoSchema, err)
	}
	if len(texts) != count {
		return fmt.Errorf("found %d revisions of %s, but no %s", count, event, files.Revision(event, len(texts)+1))
	}
	var mistakes []error
	var first avsc.Record
	for i, text := range texts {
		file := files.Revision(event, i+1)
		r, err := avsc.ParseRecord(text)
		switch {
		case err != nil:
		case r.Short != event:
			err = fmt.Errorf("found a record named %q, expected %q", r.Short, event)
		case first.Name == "":
			first = r
		case cfg.SubjectOf(category, r.Name) != cfg.SubjectOf(category, first.Name):
			err = fmt.Errorf("found a record named %s, expected %s as in %s: its namespace changed, "+
				"and revisions of another subject are counted anew",
				r.Name, first.Name, files.Revision(event, 1))
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w: %w", file, schema.ErrInvalidSchema, err))
			continue
		}
		subject := cfg.SubjectOf(category, r.Name)
		err = m.SetCompatibility(ctx, subject, change.None) // it was checked before it was released
		if err == nil {
			var is schema.Registered
			if is, err = m.Register(ctx, subject, text); err == nil && is.Version != i+1 {
				err = fmt.Errorf("%s: found the schema of revision %d again; expected a change, or no such file",
					file, is.Version)
			}
		}
		mistakes = append(mistakes, err)
	}
	return errors.Join(mistakes...)
}
