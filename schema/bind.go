package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"strings"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/expected"
	"github.com/fencelog/fencelog/schema/internal/files"
	"github.com/fencelog/fencelog/schema/internal/gotype"
)

// Bind prepares for events of the given types. It compiles the schema of each, checks that the Go
// type fits the schema field by field, and finds the schema's id in the registry. A released
// revision must be the version of its number there. Bind skips types that were bound before.
//
// It reports all mistakes, joined. Each is a *[TypeError], and if there is one, no type is bound:
//
//   - [ErrNoSchema] if a type has no file;
//   - [ErrInvalidSchema] if a file holds no schema of the type;
//   - [ErrMismatch] if Go type and schema differ, or if a revision has another number in the
//     registry;
//   - [ErrNotFound] if the registry does not have the schema under the subject that the error
//     names;
//   - [ErrUnavailable] or [ErrUnauthorized], once, if the registry does not answer.
//
// With Config.Register nothing is registered if a file or a Go type is wrong.
func (c *Codec) Bind(ctx context.Context, types []event.Type) error {
	c.binds.Lock()
	defer c.binds.Unlock()
	bound := maps.Clone(*c.types.Load())
	var fresh []*binding
	var mistakes []error
	for _, t := range types {
		if bound.of(t) != nil {
			continue
		}
		b, wrong := c.load(t)
		mistakes = append(mistakes, wrong...)
		if len(wrong) == 0 {
			b.next = bound[identity(t.Go)]
			bound[identity(t.Go)] = b
			fresh = append(fresh, b)
		}
	}
	if len(mistakes) == 0 || c.cfg.Register == nil {
		mistakes = append(mistakes, c.findAll(ctx, fresh)...)
	}
	if len(mistakes) > 0 {
		return fmt.Errorf("bind event types: %w", errors.Join(mistakes...))
	}
	c.types.Store(&bound)
	return nil
}

// findAll gives each binding its id and version.
func (c *Codec) findAll(ctx context.Context, fresh []*binding) (mistakes []error) {
	missing := false // if so, no node lags behind any more, and Bind waits for no other schema
	for i, b := range fresh {
		asking := ctx
		if c.cfg.Register == nil && !missing {
			asking = expected.Mark(ctx)
		}
		var err error
		b.is, err = c.settle(asking, b)
		missing = missing || errors.Is(err, ErrNotFound)
		if err == nil {
			continue
		}
		e := &TypeError{Type: b.Type, File: b.file, Err: err}
		mistakes = append(mistakes, e)
		if ctx.Err() != nil || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnauthorized) {
			if n := len(fresh) - i - 1; n > 0 {
				e.Detail = fmt.Sprintf("(and %d more types not asked for)", n)
			}
			return mistakes
		}
	}
	return mistakes
}

// load reads, compiles and checks the schema of one type.
func (c *Codec) load(t event.Type) (*binding, []error) {
	b := &binding{Type: t, file: files.Of(t)}
	b.writers.Store(&map[int]Decoder{})
	fail := func(reason error, err error, format string, args ...any) (*binding, []error) {
		detail := fmt.Sprintf(format, args...)
		return nil, []error{&TypeError{Type: t, File: b.file, Reason: reason, Detail: detail, Err: err}}
	}
	if t.Go == nil || t.Go.Kind() != reflect.Struct {
		return fail(ErrMismatch, nil, "found Go type %v, expected a struct", t.Go)
	}
	source, ok := c.sources[t.Category]
	if !ok {
		return fail(ErrNoSchema, nil, "no files given for category %q; add them to the schema.Sources of the codec",
			t.Category)
	}
	text, err := fs.ReadFile(source, b.file)
	if err != nil {
		return fail(ErrNoSchema, err, "write one, and see that it is embedded")
	}
	b.text = string(text)
	r, err := avsc.ParseRecord(b.text)
	switch {
	case err != nil:
		return fail(ErrInvalidSchema, err, "")
	case r.Short != t.Name:
		return fail(ErrInvalidSchema, nil, "found a record named %q, expected %q, the event type's durable name",
			r.Short, t.Name)
	case r.Short == r.Name:
		return fail(ErrInvalidSchema, nil, "the record has no namespace; give it one, such as %q",
			c.cfg.Prefix+"."+strings.ToLower(t.Category))
	}
	b.pointer, b.boxed, b.leads = reflect.PointerTo(t.Go), newBoxed(t.Go), leadsOf(t.Go, 0)
	b.record, b.aliases, b.root = r.Name, r.Aliases, r.Root
	var mistakes []error
	for _, m := range gotype.Fit(t.Go, r.Root) {
		mistakes = append(mistakes, &TypeError{
			Type: t, File: b.file, Field: m.Field, Reason: ErrMismatch, Detail: m.Detail,
		})
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	b.stored, b.texts = newChecks(t.Go, r.Root, storedOf), newChecks(t.Go, r.Root, textOf)
	b.symbols = partsOf(t.Go, r.Root, symbolLimit, nil)
	b.schema, err = c.cfg.Engine.Compile(b.text, t.Go)
	switch {
	case errors.Is(err, ErrUnsupported):
		return fail(nil, err, "")
	case err != nil:
		return fail(ErrInvalidSchema, err, "")
	}
	return b, nil
}
