package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"strings"

	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/topics"
)

const fileSuffix = ".avsc"

// Bind prepares for events of the given types: it compiles the schema of each, checks that the Go type
// fits it field by field, and finds its id in the registry, where one that was released must be the version of that number. Types bound
// before are skipped.
//
// It reports all mistakes, joined; each is a *[TypeError], with [ErrNoSchema], [ErrInvalidSchema] or [ErrMismatch], or
// the [RegistryError] inside: [ErrNotFound] names the subject that the schema must be registered under.
// If there is any, no type is bound, and nothing is registered if a file or a Go type is wrong. A registry that is
// away is reported once.
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
	if len(mistakes) == 0 || !c.cfg.Register {
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
	missing := false // then no node lags behind any more, and what else is missing need not be waited for
	for i, b := range fresh {
		subject := c.cfg.Subject(topics.Name(c.cfg.Prefix, b.Category), b.record)
		asking := ctx
		if !c.cfg.Register && !missing {
			asking = expecting(ctx)
		}
		var err error
		b.is, err = c.settle(asking, subject, b)
		missing = missing || errors.Is(err, ErrNotFound)
		if err == nil && (b.is.ID < 1 || b.is.ID > maxID || b.is.Version < 1) {
			err = fmt.Errorf("the registry gave id %d and version %d to subject %q; expected both from 1 to %d", b.is.ID, b.is.Version, subject, maxID)
		}
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
	b := &binding{Type: t, file: fileOf(t)}
	b.writers.Store(&map[int]Decoder{})
	fail := func(reason error, err error, format string, args ...any) (*binding, []error) {
		return nil, []error{&TypeError{Type: t, File: b.file, Reason: reason, Detail: fmt.Sprintf(format, args...), Err: err}}
	}
	if t.Go == nil || t.Go.Kind() != reflect.Struct {
		return fail(ErrMismatch, nil, "found Go type %v, expected a struct", t.Go)
	}
	files, ok := c.sources[t.Category]
	if !ok {
		return fail(ErrNoSchema, nil, "no files given for aggregate type %q; add them to the schema.Sources of the codec", t.Category)
	}
	text, err := fs.ReadFile(files, b.file)
	if err != nil {
		return fail(ErrNoSchema, err, "write one, and see that it is embedded")
	}
	b.text = string(text)
	r, err := parseRecord(b.text)
	switch {
	case err != nil:
		return fail(ErrInvalidSchema, err, "")
	case r.short != t.Name:
		return fail(ErrInvalidSchema, nil, "found a record named %q, expected %q, the event type's durable name", r.short, t.Name)
	case r.short == r.name:
		return fail(ErrInvalidSchema, nil, "the record has no namespace; give it one, such as %q", c.cfg.Prefix+"."+strings.ToLower(t.Category))
	}
	b.pointer, b.boxed, b.leads = reflect.PointerTo(t.Go), newBoxed(t.Go), leadsOf(t.Go, 0)
	b.record, b.aliases, b.root = r.name, r.aliases, r.root
	var mistakes []error
	for _, m := range fit(t.Go, r.root) {
		mistakes = append(mistakes, &TypeError{Type: t, File: b.file, Field: m.field, Reason: ErrMismatch, Detail: m.detail})
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	b.stored, b.texts = newChecks(t.Go, r.root, storedOf), newChecks(t.Go, r.root, textOf)
	b.symbols = partsOf(t.Go, r.root, symbolLimit, nil)
	b.schema, err = c.cfg.Engine.Compile(b.text, t.Go)
	switch {
	case errors.Is(err, ErrUnsupported):
		return fail(nil, err, "")
	case err != nil:
		return fail(ErrInvalidSchema, err, "")
	}
	return b, nil
}

// record is what the codec asks of a schema beside encoding, whatever the engine.
type record struct {
	root    *avro.SchemaNode
	short   string
	name    string   // with its namespace
	aliases []string // with their namespaces
}

func parseRecord(text string) (record, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return record{}, err
	}
	root := s.Root()
	if root.Type != "record" {
		return record{}, fmt.Errorf("found a schema of type %q, expected a record", root.Type)
	}
	r := record{root: root, name: fullName(root)}
	r.short = r.name[strings.LastIndexByte(r.name, '.')+1:]
	namespace := strings.TrimSuffix(r.name, r.short)
	for _, alias := range root.Aliases {
		if !strings.Contains(alias, ".") {
			alias = namespace + alias
		}
		r.aliases = append(r.aliases, alias)
	}
	return r, nil
}
