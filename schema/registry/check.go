package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
)

// Checked is a schema file that was compared with the released schemas.
type Checked struct {
	Category string
	File     string // within the files of the category
	Subject  string
	Latest   int // the subject's latest version; 0 if it has none
	Version  int // the version that the file is; 0 if it is none yet
}

// Check compares every schema file of sources with its versions in the registry, at the level
// given: the gate before a change is released. It registers nothing. A record that was renamed is
// compared with the versions under its aliases. To check against the released revisions in
// [schema.Sources], without a server, give it the registry that [Released] returns.
//
// It fails, all at once, with
//
//   - a *[change.IncompatibleError] for each subject that may not follow its versions, and for each
//     released event that has no file any more;
//   - [schema.ErrInvalidSchema] if a file holds no schema of a record;
//   - the errors of the registry, and with these alone if it is away.
func Check(
	ctx context.Context, registry Registry, sources schema.Sources, level change.Compatibility, cfg schema.Config,
) ([]Checked, error) {
	if _, err := change.ParseCompatibility(string(level)); err != nil {
		return nil, err
	}
	var all []Checked
	var mistakes []error
	for _, category := range slices.Sorted(maps.Keys(sources)) {
		g := gate{registry: registry, level: level, cfg: cfg, category: category, covered: make(map[string]bool)}
		names, err := fs.Glob(sources[category], files.Today)
		mistakes = append(mistakes, err)
		for _, name := range names {
			checked, err := g.check(ctx, sources[category], name)
			checked.Category = category
			all = append(all, checked)
			if errors.Is(err, schema.ErrUnavailable) || ctx.Err() != nil {
				return nil, fmt.Errorf("check schemas: %w", err)
			}
			mistakes = append(mistakes, err)
		}
		mistakes = append(mistakes, g.orphans(ctx, sources[category]))
	}
	if err := errors.Join(mistakes...); err != nil {
		return all, fmt.Errorf("check schemas: %w", err)
	}
	return all, nil
}

// Unreleased returns nil if the file is its subject's latest version, and otherwise how to release
// it. c comes from a Check against [Released].
func (c Checked) Unreleased() error {
	if c.Version > 0 && c.Version == c.Latest {
		return nil
	}
	event := strings.TrimSuffix(c.File, files.Suffix)
	if c.Version > 0 {
		return fmt.Errorf("%s of %s is revision %d again, of %d that were released: "+
			"a revision is never taken back; change it anew, such as by a default for a field",
			c.File, c.Category, c.Version, c.Latest)
	}
	return fmt.Errorf("%s of %s is not released: copy it to %s, and keep that for ever",
		c.File, c.Category, files.Revision(event, c.Latest+1))
}

// gate checks the files of one category.
type gate struct {
	registry Registry
	level    change.Compatibility
	cfg      schema.Config
	category string
	covered  map[string]bool // subjects that have a file
}

func (g *gate) check(ctx context.Context, source fs.FS, name string) (Checked, error) {
	engine := g.cfg.Engine
	if engine == nil {
		engine = schema.Twmb{}
	}
	done := Checked{File: name}
	text, err := fs.ReadFile(source, name)
	if err != nil {
		return done, err
	}
	r, err := avsc.ParseRecord(string(text))
	if err != nil {
		return done, fmt.Errorf("%s: %w: %w", name, schema.ErrInvalidSchema, err)
	}
	done.Subject = g.cfg.SubjectOf(g.category, r.Name)
	var mistakes []error
	for _, record := range append([]string{r.Name}, r.Aliases...) {
		subject := g.cfg.SubjectOf(g.category, record)
		if g.covered[subject] && subject != done.Subject {
			continue
		}
		g.covered[subject] = true
		versions, err := g.registry.Versions(ctx, subject)
		if err != nil && !errors.Is(err, schema.ErrNotFound) {
			return done, err
		}
		if subject == done.Subject {
			if len(versions) > 0 {
				done.Latest = versions[len(versions)-1].Version // a registry may have gaps, where versions were deleted
			}
			is, err := g.registry.Find(ctx, subject, string(text))
			if err != nil && !errors.Is(err, schema.ErrNotFound) {
				return done, err
			}
			done.Version = is.Version
			versions = slices.DeleteFunc(versions, func(v schema.Registered) bool { return v.Version == is.Version })
		}
		mistakes = append(mistakes, g.level.CheckFor(engine, name, string(text), versions))
	}
	return done, errors.Join(mistakes...)
}

// orphans reports the released subjects of the category that have no file. It looks at the subjects
// that the registry has under the topic's name, and at those of the released revisions.
func (g *gate) orphans(ctx context.Context, source fs.FS) error {
	released, err := g.releasedSubjects(source)
	if err != nil {
		return err
	}
	subjects, err := g.registry.Subjects(ctx)
	if err != nil {
		return err
	}
	prefix := g.cfg.SubjectOf(g.category, "")
	for _, subject := range subjects {
		record, ok := strings.CutPrefix(subject, prefix)
		if prefix != "" && ok && g.cfg.SubjectOf(g.category, record) == subject {
			released = append(released, subject)
		}
	}
	slices.Sort(released)
	var mistakes []error
	for _, subject := range slices.Compact(released) {
		if g.covered[subject] {
			continue
		}
		mistakes = append(mistakes, &change.IncompatibleError{
			Subject: subject, Level: g.level, Found: []change.Incompatibility{{
				Rule: change.RuleMissingRecord,
				Detail: "events of it were released, and no file has its schema: " +
					"keep the file and upcast the event, or make its name an alias of the record that it became",
			}},
		})
	}
	return errors.Join(mistakes...)
}

// releasedSubjects returns the subjects of the released files. It skips a file that holds no
// schema, which [Released] reports.
func (g *gate) releasedSubjects(source fs.FS) (subjects []string, err error) {
	names, err := fs.Glob(source, files.Released)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		if r, err := avsc.ParseRecord(string(text)); err == nil {
			subjects = append(subjects, g.cfg.SubjectOf(g.category, r.Name))
		}
	}
	return subjects, nil
}
