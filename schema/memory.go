package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

const memoryURL = "in memory"

// Memory is a registry within this process, for tests and for programs that do not outlive their data. It answers
// as Confluent's does at its defaults: ids from 1, one id for one text under whatever subjects, and
// compatibility BACKWARD, so that a new version must be able to read what the latest one wrote.
type Memory struct {
	mu       sync.RWMutex
	byID     []string       // the text with id i is at i-1
	ids      map[string]int // by canonical text
	subjects map[string][]int
}

var _ Registry = (*Memory)(nil)

// NewMemory returns an empty registry.
func NewMemory() *Memory {
	return &Memory{ids: make(map[string]int), subjects: make(map[string][]int)}
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
	e.Detail = fmt.Sprintf("none of its %d versions is this schema", len(m.subjects[subject]))
	return Registered{}, e.because(ErrNotFound, nil)
}

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
	if n := len(versions); n > 0 {
		if err := checkBackward(m.byID[versions[n-1]-1], text); err != nil {
			e.Detail = fmt.Sprintf("it cannot read what version %d wrote", n)
			return Registered{}, e.because(ErrIncompatible, err)
		}
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
	e := &RegistryError{Op: opLatest, URL: memoryURL, Subject: subject}
	if err := contextError(ctx); err != nil {
		return Registered{}, e.because(nil, err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := len(m.subjects[subject])
	if n == 0 {
		return Registered{}, e.because(ErrNotFound, nil)
	}
	return m.version(subject, n-1), nil
}

func (m *Memory) find(subject, canonical string) (Registered, bool) {
	id, ok := m.ids[canonical]
	if !ok {
		return Registered{}, false
	}
	for i, known := range m.subjects[subject] {
		if known == id {
			return m.version(subject, i), true
		}
	}
	return Registered{}, false
}

func (m *Memory) version(subject string, i int) Registered {
	id := m.subjects[subject][i]
	return Registered{Subject: subject, ID: id, Version: i + 1, Text: m.byID[id-1]}
}

// canonicalJSON returns text, which must be a schema, without white space and with the keys of its objects in order. Everything else
// of a schema counts, documentation too, as it does in Confluent's registry.
func canonicalJSON(text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", err
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("not JSON: something follows the schema")
	}
	canonical, err := json.Marshal(v)
	return string(canonical), err
}
