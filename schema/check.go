package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/internal/topics"
)

// Checked is a schema file that was compared with what was released.
type Checked struct {
	Aggregate string
	File      string // within the files of the aggregate type
	Subject   string
	Latest    int // the subject's latest version; 0 if it has none
	Version   int // the version that the file is; 0 if it is none yet
}

// Check compares every schema file of sources with what the registry has of it, at the level given: the gate before a change
// is released. It registers nothing. A record that was renamed is compared with what was released under its aliases.
// To compare with the files in [Sources] that are released, and no server, give it what [Released] returns.
//
// It reports everything at once, joined: an *[IncompatibleError] for each subject, also where a released event has no
// file any more, [ErrInvalidSchema], and the errors of the registry.
func Check(ctx context.Context, registry Registry, sources Sources, level Compatibility, cfg Config) ([]Checked, error) {
	cfg = cfg.withDefaults()
	if _, err := ParseCompatibility(string(level)); err != nil {
		return nil, err
	}
	var all []Checked
	var mistakes []error
	for _, aggregate := range slices.Sorted(maps.Keys(sources)) {
		g := gate{registry: registry, level: level, cfg: cfg, topic: topics.Name(cfg.Prefix, aggregate), covered: make(map[string]bool)}
		names, err := fs.Glob(sources[aggregate], "*"+fileSuffix)
		mistakes = append(mistakes, err)
		for _, name := range names {
			checked, err := g.check(ctx, sources[aggregate], name)
			checked.Aggregate = aggregate
			all = append(all, checked)
			if errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
				return nil, fmt.Errorf("check schemas: %w", err)
			}
			mistakes = append(mistakes, err)
		}
		mistakes = append(mistakes, g.orphans(ctx, sources[aggregate]))
	}
	if err := errors.Join(mistakes...); err != nil {
		return all, fmt.Errorf("check schemas: %w", err)
	}
	return all, nil
}

// gate checks the files of one aggregate type.
type gate struct {
	registry Registry
	level    Compatibility
	cfg      Config
	topic    string
	covered  map[string]bool // subjects that a file answers for
}

func (g *gate) check(ctx context.Context, files fs.FS, name string) (Checked, error) {
	done := Checked{File: name}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return done, err
	}
	r, err := parseRecord(string(text))
	if err != nil {
		return done, fmt.Errorf("%s: %w: %w", name, ErrInvalidSchema, err)
	}
	done.Subject = g.cfg.Subject(g.topic, r.name)
	var mistakes []error
	for _, record := range append([]string{r.name}, r.aliases...) {
		subject := g.cfg.Subject(g.topic, record)
		if g.covered[subject] && subject != done.Subject {
			continue
		}
		g.covered[subject] = true
		versions, err := g.registry.Versions(ctx, subject)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return done, err
		}
		if subject == done.Subject {
			if len(versions) > 0 {
				done.Latest = versions[len(versions)-1].Version // a registry may have gaps, where versions were deleted
			}
			is, err := g.registry.Find(ctx, subject, string(text))
			if err != nil && !errors.Is(err, ErrNotFound) {
				return done, err
			}
			done.Version = is.Version
			versions = slices.DeleteFunc(versions, func(v Registered) bool { return v.Version == is.Version })
		}
		mistakes = append(mistakes, g.level.check(name, string(text), versions, g.cfg.Engine))
	}
	return done, errors.Join(mistakes...)
}

// orphans reports the released subjects of the topic that no file answers for: those that the registry has under the topic's name, and those
// that files in released have.
func (g *gate) orphans(ctx context.Context, files fs.FS) error {
	released, err := g.releasedSubjects(files)
	if err != nil {
		return err
	}
	subjects, err := g.registry.Subjects(ctx)
	if err != nil {
		return err
	}
	prefix := g.cfg.Subject(g.topic, "")
	for _, subject := range subjects {
		record, ok := strings.CutPrefix(subject, prefix)
		if prefix != "" && ok && g.cfg.Subject(g.topic, record) == subject {
			released = append(released, subject)
		}
	}
	slices.Sort(released)
	var mistakes []error
	for _, subject := range slices.Compact(released) {
		if g.covered[subject] {
			continue
		}
		mistakes = append(mistakes, &IncompatibleError{Subject: subject, Level: g.level, Found: []Incompatibility{{
			Rule: RuleMissingRecord,
			Detail: "events of it were released, and no file has its schema: keep the file and upcast the event, " +
				"or make its name an alias of the record that it became",
		}}})
	}
	return errors.Join(mistakes...)
}

// releasedSubjects returns the subjects of the released files; what is wrong with such a file [Released] says.
func (g *gate) releasedSubjects(files fs.FS) (subjects []string, err error) {
	names, err := fs.Glob(files, path.Join(releasedFolder, "*"+fileSuffix))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if r, err := parseRecord(string(text)); err == nil {
			subjects = append(subjects, g.cfg.Subject(g.topic, r.name))
		}
	}
	return subjects, nil
}

// Released returns a registry of the released revisions among sources, for [Check] and for tests that read what was stored.
// Revisions that cannot follow each other, are missing or twice the same are reported, all at once.
func Released(ctx context.Context, sources Sources, cfg Config) (*Memory, error) {
	cfg = cfg.withDefaults()
	m := NewMemory()
	var mistakes []error
	for _, aggregate := range slices.Sorted(maps.Keys(sources)) {
		names, err := fs.Glob(sources[aggregate], path.Join(releasedFolder, "*"+fileSuffix))
		mistakes = append(mistakes, err)
		revisions := make(map[string]int)
		for _, name := range names {
			event, _, err := parseReleased(name)
			mistakes = append(mistakes, err)
			revisions[event]++
		}
		for event, count := range revisions {
			if event != "" {
				mistakes = append(mistakes, m.release(ctx, sources[aggregate], topics.Name(cfg.Prefix, aggregate), event, count, cfg))
			}
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("released schemas: %w", err)
	}
	return m, nil
}

// parseReleased returns the event and the revision that the name of a released file is made of.
func parseReleased(name string) (event string, revision int, err error) {
	m := regexp.MustCompile(`^([^.]+)\.v([1-9][0-9]*)\` + fileSuffix + `$`).FindStringSubmatch(path.Base(name))
	if m == nil {
		return "", 0, fmt.Errorf("found the file %s, expected a name such as %s", name, releasedFile("AccountCreated", 1))
	}
	revision, err = strconv.Atoi(m[2])
	return m[1], revision, err
}

func (m *Memory) release(ctx context.Context, files fs.FS, topic, event string, count int, cfg Config) error {
	texts, err := releasedTexts(files, event)
	if err != nil {
		return err
	}
	if len(texts) != count {
		return fmt.Errorf("found %d revisions of %s, but no %s", count, event, releasedFile(event, len(texts)+1))
	}
	var mistakes []error
	var first record
	for i, text := range texts {
		file := releasedFile(event, i+1)
		r, err := parseRecord(text)
		switch {
		case err != nil:
		case r.short != event:
			err = fmt.Errorf("found a record named %q, expected %q", r.short, event)
		case first.name == "":
			first = r
		case cfg.Subject(topic, r.name) != cfg.Subject(topic, first.name):
			err = fmt.Errorf("found a record named %s, expected %s as in %s: its namespace changed, and revisions of another subject are counted anew",
				r.name, first.name, releasedFile(event, 1))
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w: %w", file, ErrInvalidSchema, err))
			continue
		}
		subject := cfg.Subject(topic, r.name)
		err = m.SetCompatibility(ctx, subject, None) // it was checked before it was released
		if err == nil {
			var is Registered
			if is, err = m.Register(ctx, subject, text); err == nil && is.Version != i+1 {
				err = fmt.Errorf("%s: found the schema of revision %d again; expected a change, or no such file", file, is.Version)
			}
		}
		mistakes = append(mistakes, err)
	}
	return errors.Join(mistakes...)
}

// Unreleased returns nil if the file is its subject's latest version, and otherwise what to do to release it: c comes from
// a Check against [Released].
func (c Checked) Unreleased() error {
	if c.Version > 0 && c.Version == c.Latest {
		return nil
	}
	event := strings.TrimSuffix(c.File, fileSuffix)
	if c.Version > 0 {
		return fmt.Errorf("%s of %s is revision %d again, of %d that were released: a revision is never taken back; change it anew, such as by a default for a field",
			c.File, c.Aggregate, c.Version, c.Latest)
	}
	return fmt.Errorf("%s of %s is not released: copy it to %s, and keep that for ever", c.File, c.Aggregate, releasedFile(event, c.Latest+1))
}
