package schema

import (
	"context"
	"fmt"

	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
)

// settle returns what the binding's schema is registered as, and registers it if the codec
// registers.
func (c *Codec) settle(ctx context.Context, b *binding) (is Registered, err error) {
	released, err := files.ReadRevisions(c.sources[b.Category], b.Name)
	if err != nil {
		return is, fmt.Errorf("%w: %w", ErrNoSchema, err)
	}
	subject := c.cfg.SubjectOf(b.Category, b.record)
	if c.cfg.Register != nil {
		is, err = c.cfg.Register(ctx, File{Type: b.Type, Subject: subject, Text: b.text, Released: released})
	} else {
		is, err = c.registry.Find(ctx, subject, b.text)
	}
	if err != nil {
		return is, err
	}
	if is.ID < 1 || is.ID > maxID || is.Version < 1 {
		return is, fmt.Errorf("the registry gave id %d and version %d to subject %q; expected both from 1 to %d",
			is.ID, is.Version, subject, maxID)
	}
	revision, err := b.revision(released)
	if err == nil && revision != 0 && is.Version != revision {
		err = fmt.Errorf("%w: %s", ErrMismatch, files.Misnumbered(subject, files.Revision(b.Name, revision),
			is.Version))
	}
	return is, err
}

// revision returns which of the released revisions the binding's schema is, 0 if it is none.
func (b *binding) revision(released []string) (int, error) {
	if b.Revision != 0 {
		return b.Revision, nil
	}
	if len(released) == 0 {
		return 0, nil
	}
	own, err := avsc.Canonical(b.text)
	if err != nil {
		return 0, err
	}
	for i, text := range released {
		other, err := avsc.Canonical(text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w: %w", files.Revision(b.Name, i+1), ErrInvalidSchema, err)
		}
		if other == own {
			return i + 1, nil
		}
	}
	return 0, nil
}
