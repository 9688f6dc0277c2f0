package registry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/avsc"
)

const memoryURL = "in memory"

// Memory is a registry within this process, for tests and for programs that do not outlive their
// data. It answers as Confluent's registry does at its defaults. Ids count from 1, and one schema
// has one id under all subjects. The compatibility is [change.Backward], unless SetCompatibility
// says otherwise.
type Memory struct {
	mu       sync.RWMutex
	byID     []string       // the text with id i is at i-1
	ids      map[string]int // by canonical text
	subjects map[string][]int
	levels   map[string]change.Compatibility
}

var _ Registry = (*Memory)(nil)

// NewMemory returns an empty registry.
func NewMemory() *Memory {
	return &Memory{
		ids: make(map[string]int), subjects: make(map[string][]int), levels: make(map[string]change.Compatibility),
	}
}

// Schema implements [Registry].
func (m *Memory) Schema(ctx context.Context, id int) (string, error) {
	e := &Error{Op: opSchema, URL: memoryURL, ID: id}
	if err := contextError(ctx); err != nil {
		return "", e.because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if id < 1 || id > len(m.byID) {
		e.Detail = fmt.Sprintf("it has ids 1 to %d", len(m.byID))
		return "", e.because(schema.ErrNotFound, nil)
	}
	return m.byID[id-1], nil
}

// Find implements [Registry].
func (m *Memory) Find(ctx context.Context, subject, text string) (schema.Registered, error) {
	e := &Error{Op: opFind, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return schema.Registered{}, e.because(nil, err)
	}
	canonical, err := avsc.Canonical(text)
	if err != nil {
		return schema.Registered{}, e.because(schema.ErrInvalidSchema, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if r, ok := m.find(subject, canonical); ok {
		return r, nil
	}
	e.Detail = fmt.Sprintf(noneOfVersions, len(m.subjects[subject]))
	return schema.Registered{}, e.because(schema.ErrNotFound, nil)
}

const noneOfVersions = "none of its %d versions is this schema"

// Register implements [Registry].
func (m *Memory) Register(ctx context.Context, subject, text string) (schema.Registered, error) {
	e := &Error{Op: opRegister, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return schema.Registered{}, e.because(nil, err)
	}
	canonical, err := avsc.Canonical(text)
	if err != nil {
		return schema.Registered{}, e.because(schema.ErrInvalidSchema, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.find(subject, canonical); ok {
		return r, nil
	}
	versions := m.subjects[subject]
	level := cmp.Or(m.levels[subject], change.Backward)
	if err := level.CheckAvro("the new schema", text, m.versions(subject)); err != nil {
		return schema.Registered{}, e.because(nil, err)
	}
	id, ok := m.ids[canonical]
	if !ok {
		m.byID = append(m.byID, text)
		id = len(m.byID)
		m.ids[canonical] = id
	}
	m.subjects[subject] = append(versions, id)
	return m.version(subject, len(versions)), nil
}

// Latest implements [Registry].
func (m *Memory) Latest(ctx context.Context, subject string) (schema.Registered, error) {
	versions, err := m.allVersions(ctx, Error{Op: opLatest, URL: memoryURL, Subject: subject})
	if err != nil {
		return schema.Registered{}, err
	}
	return versions[len(versions)-1], nil
}

// Versions implements [Registry].
func (m *Memory) Versions(ctx context.Context, subject string) ([]schema.Registered, error) {
	return m.allVersions(ctx, Error{Op: opVersions, URL: memoryURL, Subject: subject})
}

func (m *Memory) allVersions(ctx context.Context, e Error) ([]schema.Registered, error) {
	if err := contextError(ctx); err != nil {
		return nil, e.because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	versions := m.versions(e.Subject)
	if len(versions) == 0 {
		return nil, e.because(schema.ErrNotFound, nil)
	}
	return versions, nil
}

// Subjects implements [Registry].
func (m *Memory) Subjects(ctx context.Context) ([]string, error) {
	if err := contextError(ctx); err != nil {
		return nil, (&Error{Op: opSubjects, URL: memoryURL}).because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.subjects)), nil
}

// SetCompatibility implements [Registry].
func (m *Memory) SetCompatibility(ctx context.Context, subject string, level change.Compatibility) error {
	e := &Error{Op: opSetLevel, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return e.because(nil, err)
	}
	if _, err := change.ParseCompatibility(string(level)); err != nil {
		return e.because(ErrRefused, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.levels[subject] = level
	return nil
}

func (m *Memory) find(subject, canonical string) (schema.Registered, bool) {
	id, ok := m.ids[canonical]
	if !ok {
		return schema.Registered{}, false
	}
	if i := slices.Index(m.subjects[subject], id); i >= 0 {
		return m.version(subject, i), true
	}
	return schema.Registered{}, false
}

func (m *Memory) versions(subject string) []schema.Registered {
	versions := make([]schema.Registered, len(m.subjects[subject]))
	for i := range versions {
		versions[i] = m.version(subject, i)
	}
	return versions
}

func (m *Memory) version(subject string, i int) schema.Registered {
	id := m.subjects[subject][i]
	return schema.Registered{Subject: subject, ID: id, Version: i + 1, Text: m.byID[id-1]}
}
