package schematest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	goldenSuffix = ".hex"
	schemaLine   = "schema "
)

// Golden checks that the bytes of every released revision of every event still load. They load
// through the repository of typ: Avro's resolution by cfg.Engine, then upcasters. For each revision
// golden has a file "<EventType>.v<N>.hex" of two lines:
//
//	schema 7d5c…    the SHA-256 of the released schema without white space
//	107573…         Avro as it was written, without the five bytes before it, which differ from registry to registry
//
// want says what each is in today's terms, by "<EventType>.v<N>": one event, or several after
// upcasting.
//
// The test fails
//
//   - if a revision has no file, or no entry in want;
//   - if the schema of a revision was edited after it was released: the bytes may load all the
//     same, but not those that others stored.
//
// If a revision without a file is today's, the failure says what to write into the file. Golden
// never writes a file.
func Golden[S any](
	tb testing.TB, typ *aggregate.Type[S], sources schema.Sources, golden fs.FS, want map[string][]aggregate.Event[S],
	cfg schema.Config,
) {
	tb.Helper()
	g, err := newGoldens(tb, typ, sources, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	files, err := fs.Glob(golden, "*"+goldenSuffix)
	if err != nil {
		tb.Fatal(err)
	}
	expected := slices.Collect(maps.Keys(want))
	for _, file := range files {
		expected = append(expected, strings.TrimSuffix(file, goldenSuffix))
	}
	for _, name := range expected {
		if !slices.Contains(g.names, name) {
			tb.Errorf("%s: a golden file or a wanted event is of no released revision; expected one of %v", name,
				g.names)
		}
	}
	for _, name := range g.names {
		if err := g.check(tb, golden, name, want[name]); err != nil {
			tb.Errorf("%s: %v", name, err)
		}
	}
}

// goldens is what the golden files of one aggregate type are read with.
type goldens[S any] struct {
	typ      *aggregate.Type[S]
	files    fs.FS
	schemas  *registry.Memory
	codec    *schema.Codec
	store    *memory.Store
	accounts *aggregate.Repository[S]
	names    []string // of the released revisions
}

func newGoldens[S any](
	tb testing.TB, typ *aggregate.Type[S], sources schema.Sources, cfg schema.Config,
) (*goldens[S], error) {
	tb.Helper()
	g := &goldens[S]{typ: typ, files: sources[typ.Name()], schemas: registry.NewMemory()}
	if g.files == nil {
		return nil, fmt.Errorf("schematest: sources has no files of aggregate type %q", typ.Name())
	}
	released, err := fs.Glob(g.files, "released/*.avsc")
	if err != nil || len(released) == 0 {
		return nil, fmt.Errorf("schematest: found no released revisions of aggregate type %q (%w), "+
			"expected files such as released/AccountCreated.v1.avsc",
			typ.Name(), err)
	}
	for _, file := range released {
		g.names = append(g.names, strings.TrimSuffix(path.Base(file), ".avsc"))
	}
	if _, err := registry.Register(tb.Context(), g.schemas, sources, typ.Stored(), cfg); err != nil {
		return nil, err
	}
	if g.codec, err = schema.NewCodec(g.schemas, sources, cfg); err != nil {
		return nil, err
	}
	if g.store, err = memory.New(memory.Config{Categories: []string{typ.Name()}}); err != nil {
		return nil, err
	}
	tb.Cleanup(func() { _ = g.store.Close() })
	g.accounts, err = aggregate.NewRepository(tb.Context(), typ, g.store, g.codec, aggregate.Config{
		Cache: aggregate.Cache{Off: true}, Snapshots: aggregate.Snapshots{Off: true}, // so any state will do
	})
	return g, err
}

// check loads one golden file.
func (g *goldens[S]) check(tb testing.TB, golden fs.FS, name string, want []aggregate.Event[S]) error {
	tb.Helper()
	if len(want) == 0 {
		return errors.New("this revision was released, and the test does not say what it is in today's terms")
	}
	sum, err := g.sum(name)
	if err != nil {
		return err
	}
	text, err := fs.ReadFile(golden, name+goldenSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("this revision was released without a golden file %s%s; %s", name, goldenSuffix,
			g.suggest(tb, sum, want[0]))
	}
	if err != nil {
		return err
	}
	was, digits, _ := strings.Cut(string(text), "\n")
	was, hasSum := strings.CutPrefix(strings.TrimSpace(was), schemaLine)
	switch {
	case !hasSum:
		return fmt.Errorf("the golden file does not begin with the line %q, that of its schema as it was released",
			schemaLine+sum)
	case was != sum:
		return fmt.Errorf("released/%s.avsc was edited after it was released: its SHA-256 is %s, was %s. "+
			"Restore it, and release the change as a revision of its own",
			name, sum, was)
	}
	payload, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		return fmt.Errorf("the golden file is no hexadecimal text: %w", err)
	}
	got, err := g.load(tb, name, payload)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("it loads as\n\t%+v\nexpected\n\t%+v", got, want)
	}
	return nil
}

// sum returns the SHA-256 of the released revision's schema, in hexadecimal. White space does not
// count, as tools rewrite the ends of lines.
func (g *goldens[S]) sum(name string) (string, error) {
	text, err := fs.ReadFile(g.files, "released/"+name+".avsc")
	if err != nil {
		return "", err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return "", fmt.Errorf("released/%s.avsc: %w", name, err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(compact.Bytes())), nil
}

// load stores the payload as an event of the revision and returns what the repository makes of it.
func (g *goldens[S]) load(tb testing.TB, name string, payload []byte) ([]aggregate.Event[S], error) {
	tb.Helper()
	eventType, version, _ := strings.Cut(name, ".v")
	revision, err := strconv.Atoi(version)
	if err != nil {
		return nil, err
	}
	id, err := g.idOf(tb, name)
	if err != nil {
		return nil, err
	}
	value := binary.BigEndian.AppendUint32(make([]byte, 1, headerSize+len(payload)), uint32(id))
	_, err = g.store.Append(tb.Context(),
		eventstore.To(eventstore.Stream{Category: g.typ.Name(), ID: name}, eventstore.NoStream, eventstore.Record{
			Value: append(value, payload...),
			Header: event.Header{
				ID: name, Type: eventType, Revision: revision, CorrelationID: name,
				Timestamp: time.Unix(1_700_000_000, 0).UTC(),
			},
		}))
	if err != nil {
		return nil, err
	}
	var got []aggregate.Event[S]
	for e, err := range g.accounts.History(tb.Context(), name, 1) {
		if err != nil {
			return nil, err
		}
		got = append(got, e.Events...)
	}
	return got, nil
}

// idOf returns the id that the registry gave to the released revision.
func (g *goldens[S]) idOf(tb testing.TB, name string) (int, error) {
	tb.Helper()
	text, err := fs.ReadFile(g.files, "released/"+name+".avsc")
	if err != nil {
		return 0, err
	}
	subjects, err := g.schemas.Subjects(tb.Context())
	if err != nil {
		return 0, err
	}
	for _, subject := range subjects {
		if found, err := g.schemas.Find(tb.Context(), subject, string(text)); err == nil {
			return found.ID, nil
		}
	}
	return 0, fmt.Errorf("the schema was not registered: no event of aggregate type %q is called so, "+
		"and no upcaster reads it", g.typ.Name())
}

// suggest says what belongs into the golden file, if that can be known.
func (g *goldens[S]) suggest(tb testing.TB, sum string, want aggregate.Event[S]) string {
	tb.Helper()
	types, err := event.NewTypes(g.typ.Events()...)
	if err == nil {
		t, _ := types.Of(reflect.TypeOf(want))
		var value []byte
		var revision int
		if value, revision, err = g.codec.Encode(tb.Context(), t, want); err == nil {
			return fmt.Sprintf("for today's revision, %d of %s, write into it\n%s%s\n%x", revision, t.Name, schemaLine,
				sum, value[headerSize:])
		}
	}
	return fmt.Sprintf("it cannot be made now (%v): take bytes that were stored", err)
}
