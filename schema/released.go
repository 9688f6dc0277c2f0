package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/fencelog/fencelog/event"
)

// releasedFolder is where released revisions are, within the files of an aggregate type.
const releasedFolder = "released"

// fileOf returns the file that has the schema of t.
func fileOf(t event.Type) string {
	if t.Revision == 0 {
		return t.Name + fileSuffix
	}
	return releasedFile(t.Name, t.Revision)
}

func releasedFile(name string, revision int) string {
	return path.Join(releasedFolder, name+".v"+strconv.Itoa(revision)+fileSuffix)
}

// releasedTexts returns the released revisions of an event type from 1 on, none if there are no such files.
func releasedTexts(files fs.FS, name string) ([]string, error) {
	var texts []string
	for {
		text, err := fs.ReadFile(files, releasedFile(name, len(texts)+1))
		if errors.Is(err, fs.ErrNotExist) {
			return texts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoSchema, err)
		}
		texts = append(texts, string(text))
	}
}

// settle returns what the binding's schema is registered as, and registers it first if that is asked for.
func (c *Codec) settle(ctx context.Context, subject string, b *binding) (is Registered, err error) {
	if c.cfg.Register {
		if is, err = c.registerReleased(ctx, subject, b.Type); err == nil {
			is, err = c.registry.Register(ctx, subject, b.text)
		}
	} else {
		is, err = c.registry.Find(ctx, subject, b.text)
	}
	if err != nil {
		return is, err
	}
	revision, err := c.revisionOf(b)
	if err == nil && revision != 0 && is.Version != revision {
		err = misnumbered(subject, releasedFile(b.Name, revision), is.Version)
	}
	return is, err
}

// revisionOf returns which released revision the binding's schema is, 0 if it is none.
func (c *Codec) revisionOf(b *binding) (int, error) {
	if b.Revision != 0 {
		return b.Revision, nil
	}
	texts, err := releasedTexts(c.sources[b.Category], b.Name)
	if err != nil {
		return 0, err
	}
	own, err := canonicalJSON(b.text)
	if err != nil {
		return 0, err
	}
	for i, text := range texts {
		released, err := canonicalJSON(text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w: %w", releasedFile(b.Name, i+1), ErrInvalidSchema, err)
		}
		if released == own {
			return i + 1, nil
		}
	}
	return 0, nil
}

// registerReleased registers what was released before, so that today's schema gets the number that it has elsewhere.
func (c *Codec) registerReleased(ctx context.Context, subject string, t event.Type) (is Registered, err error) {
	texts, err := releasedTexts(c.sources[t.Category], t.Name)
	if err != nil {
		return is, err
	}
	for i, text := range texts {
		if is, err = c.registerRevision(ctx, subject, releasedFile(t.Name, i+1), i+1, text); err != nil {
			return is, err
		}
	}
	return is, nil
}

// registerRevision registers a released revision, unless it would get another number.
func (c *Codec) registerRevision(ctx context.Context, subject, file string, revision int, text string) (Registered, error) {
	is, err := c.registry.Find(ctx, subject, text)
	if errors.Is(err, ErrNotFound) {
		is, err = c.registry.Latest(ctx, subject)
		if err == nil && is.Version >= revision {
			latest := is.Version
			is, err = c.registry.Find(expecting(ctx), subject, text) // a node that lags behind may have said that it is not there
			if errors.Is(err, ErrNotFound) {
				return is, misnumbered(subject, file, latest+1)
			}
		} else if err == nil || errors.Is(err, ErrNotFound) {
			is, err = c.registry.Register(ctx, subject, text)
		}
	}
	if err == nil && is.Version != revision {
		err = misnumbered(subject, file, is.Version)
	}
	if err != nil {
		return is, fmt.Errorf("%s: %w", file, err)
	}
	return is, nil
}

// misnumbered says that a released revision has another number in the registry, so that the revision in an event's header
// would choose the wrong upcaster.
func misnumbered(subject, file string, version int) error {
	return fmt.Errorf("%w: %s is, or would be, version %d of subject %q in this registry, expected the revision in its name: "+
		"register all released revisions in order, which schema.Register does, under a subject that has none yet", ErrMismatch, file, version, subject)
}
