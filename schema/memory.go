package schema

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

const memoryURL = "in memory"

// Memory is a registry within this process, for tests and for programs that do not outlive their data. It answers
// as Confluent's does at its defaults: ids from 1, one id for one schema under whatever subjects, and
// compatibility [Backward] unless SetCompatibility says otherwise.
type Memory struct {
	mu       sync.RWMutex
	byID     []string       // the text with id i is at i-1
	ids      map[string]int // by canonical text
	subjects map[string][]int
	levels   map[string]Compatibility
}

var _ Registry = (*Memory)(nil)

// NewMemory returns an empty registry.
func NewMemory() *Memory {
	return &Memory{ids: make(map[string]int), subjects: make(map[string][]int), levels: make(map[string]Compatibility)}
}

// Schema implements [Registry].
func (m *Memory) Schema(ctx context.Context, id int) (string, error) {
	e := &RegistryError{Op: opSchema, URL: memoryURL, ID: id}
	if err := contextError(ctx); err != nil {
		return "", e.because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if id < 1 || id > len(m.byID) {
		e.Detail = fmt.Sprintf("it has ids 1 to %d", len(m.byID))
		return "", e.because(ErrNotFound, nil)
	}
	return m.byID[id-1], nil
}

// Find implements [Registry].
func (m *Memory) Find(ctx context.Context, subject, text string) (Registered, error) {
	e := &RegistryError{Op: opFind, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return Registered{}, e.because(nil, err)
	}
	canonical, err := canonicalJSON(text)
	if err != nil {
		return Registered{}, e.because(ErrInvalidSchema, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if r, ok := m.find(subject, canonical); ok {
		return r, nil
	}
	e.Detail = fmt.Sprintf(noneOfVersions, len(m.subjects[subject]))
	return Registered{}, e.because(ErrNotFound, nil)
}

const noneOfVersions = "none of its %d versions is this schema"

// Register implements [Registry].
func (m *Memory) Register(ctx context.Context, subject, text string) (Registered, error) {
	e := &RegistryError{Op: opRegister, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return Registered{}, e.because(nil, err)
	}
	canonical, err := canonicalJSON(text)
	if err != nil {
		return Registered{}, e.because(ErrInvalidSchema, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.find(subject, canonical); ok {
		return r, nil
	}
	versions := m.subjects[subject]
	if err := or(m.levels[subject], Backward).check("the new schema", text, m.versions(subject), nil); err != nil {
		return Registered{}, e.because(nil, err)
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
func (m *Memory) Latest(ctx context.Context, subject string) (Registered, error) {
	versions, err := m.allVersions(ctx, RegistryError{Op: opLatest, URL: memoryURL, Subject: subject})
	if err != nil {
		return Registered{}, err
	}
	return versions[len(versions)-1], nil
}

// Versions implements [Registry].
func (m *Memory) Versions(ctx context.Context, subject string) ([]Registered, error) {
	return m.allVersions(ctx, RegistryError{Op: opVersions, URL: memoryURL, Subject: subject})
}

func (m *Memory) allVersions(ctx context.Context, e RegistryError) ([]Registered, error) {
	if err := contextError(ctx); err != nil {
		return nil, e.because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	versions := m.versions(e.Subject)
	if len(versions) == 0 {
		return nil, e.because(ErrNotFound, nil)
	}
	return versions, nil
}

// Subjects implements [Registry].
func (m *Memory) Subjects(ctx context.Context) ([]string, error) {
	if err := contextError(ctx); err != nil {
		return nil, (&RegistryError{Op: opSubjects, URL: memoryURL}).because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.subjects)), nil
}

// SetCompatibility implements [Registry].
func (m *Memory) SetCompatibility(ctx context.Context, subject string, level Compatibility) error {
	e := &RegistryError{Op: opSetLevel, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return e.because(nil, err)
	}
	if _, err := ParseCompatibility(string(level)); err != nil {
		return e.because(ErrRefused, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.levels[subject] = level
	return nil
}

func (m *Memory) find(subject, canonical string) (Registered, bool) {
	id, ok := m.ids[canonical]
	if !ok {
		return Registered{}, false
	}
	if i := slices.Index(m.subjects[subject], id); i >= 0 {
		return m.version(subject, i), true
	}
	return Registered{}, false
}

func (m *Memory) versions(subject string) []Registered {
	versions := make([]Registered, len(m.subjects[subject]))
	for i := range versions {
		versions[i] = m.version(subject, i)
	}
	return versions
}

func (m *Memory) version(subject string, i int) Registered {
	id := m.subjects[subject][i]
	return Registered{Subject: subject, ID: id, Version: i + 1, Text: m.byID[id-1]}
}
