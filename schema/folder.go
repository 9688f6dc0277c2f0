package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// maxRaces bounds how often a version is written whose number other processes keep taking.
const maxRaces = 20

// Folder is a registry without a server: a folder of files, to be kept under version control beside the program.
//
//	<subject>/v1.avsc, v2.avsc, …   the versions as they were given
//	<subject>/compatibility         the level of the subject, such as FULL; without the file it is BACKWARD
//
// The id of a schema follows from its text (31 bits of its SHA-256), so two branches that add schemas never give one
// id to two of them, a merge renumbers nothing, and the same schema has the same id in every folder. Two branches that
// both add a version 2 of one subject conflict in that file, as they should: the second becomes version 3.
//
// It answers as Confluent's registry does, except that ids are not counted. It may be used by any number of
// goroutines, and by several processes on one machine. What another one registers is seen at once.
type Folder struct {
	name  string // for errors
	dir   string // empty if it is read only
	files fs.FS
	byID  sync.Map // int → string
	write sync.Mutex
}

var _ Registry = (*Folder)(nil)

// OpenFolder returns the registry in the folder dir, which is made if there is none. It reports, all at once, what in there is
// not as it must be; each is a *[RegistryError].
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("schema folder: %w", err)
	}
	f := &Folder{name: "folder " + dir, dir: dir, files: os.DirFS(dir)}
	return f, f.verify()
}

// NewFolder returns the registry in files, such as an embed.FS, which must not change. It is read only: Register
// of what is not there fails with [ErrRefused]. It reports what OpenFolder does.
func NewFolder(files fs.FS) (*Folder, error) {
	f := &Folder{name: "read-only folder", files: files}
	return f, f.verify()
}

// verify reads everything.
func (f *Folder) verify() error {
	subjects, err := f.subjects()
	if err != nil {
		return (&RegistryError{Op: opOpen, URL: f.name}).because(nil, err)
	}
	owners := make(map[int]Registered)
	var mistakes []error
	for _, subject := range subjects {
		e := &RegistryError{Op: opOpen, URL: f.name, Subject: subject}
		versions, err := f.read(subject)
		if err == nil {
			_, err = f.level(subject)
		}
		if err != nil {
			mistakes = append(mistakes, e.because(nil, err))
			continue
		}
		for _, v := range versions {
			if err := sameText(owners[v.ID], v); err != nil {
				mistakes = append(mistakes, e.because(ErrRefused, err))
			}
			owners[v.ID] = v
		}
	}
	return errors.Join(mistakes...)
}

// Schema implements [Registry].
func (f *Folder) Schema(ctx context.Context, id int) (string, error) {
	e := &RegistryError{Op: opSchema, URL: f.name, ID: id}
	if err := contextError(ctx); err != nil {
		return "", e.because(nil, err)
	}
	if text, ok := f.byID.Load(id); ok {
		return text.(string), nil
	}
	found, err := f.withID(id)
	switch {
	case err != nil:
		return "", e.because(nil, err)
	case found.ID == 0:
		e.Detail = "no file has it; one that was edited after it was registered has another id now: restore it"
		return "", e.because(ErrNotFound, nil)
	}
	f.byID.Store(id, found.Text)
	return found.Text, nil
}

// withID returns the first version that has the id, or zero.
func (f *Folder) withID(id int) (Registered, error) {
	subjects, err := f.subjects()
	if err != nil {
		return Registered{}, err
	}
	for _, subject := range subjects {
		versions, err := f.read(subject)
		if err != nil {
			return Registered{}, err
		}
		if i := slices.IndexFunc(versions, func(v Registered) bool { return v.ID == id }); i >= 0 {
			return versions[i], nil
		}
	}
	return Registered{}, nil
}

// Find implements [Registry].
func (f *Folder) Find(ctx context.Context, subject, text string) (Registered, error) {
	e := &RegistryError{Op: opFind, URL: f.name, Subject: subject}
	if err := contextError(ctx); err != nil {
		return Registered{}, e.because(nil, err)
	}
	found, versions, err := f.find(subject, text)
	if err != nil {
		return Registered{}, e.because(nil, err)
	}
	if found.ID == 0 {
		e.Detail = fmt.Sprintf(noneOfVersions, len(versions))
		return Registered{}, e.because(ErrNotFound, nil)
	}
	return found, nil
}

// Register implements [Registry].
func (f *Folder) Register(ctx context.Context, subject, text string) (Registered, error) {
	e := &RegistryError{Op: opRegister, URL: f.name, Subject: subject}
	f.write.Lock()
	defer f.write.Unlock()
	for range maxRaces {
		if err := contextError(ctx); err != nil {
			return Registered{}, e.because(nil, err)
		}
		found, versions, err := f.find(subject, text)
		if err == nil && found.ID != 0 {
			return found, nil
		}
		if err == nil {
			found, err = f.next(subject, text, versions)
		}
		if err != nil {
			return Registered{}, e.because(nil, err)
		}
		err = f.add(found)
		switch {
		case errors.Is(err, fs.ErrExist): // another process was faster
			continue
		case err != nil:
			return Registered{}, e.because(ErrRefused, err)
		}
		return found, nil
	}
	e.Detail = fmt.Sprintf("other processes took the next version %d times", maxRaces)
	return Registered{}, e.because(ErrUnavailable, nil)
}

// next returns what text becomes as the next version, or why it must not.
func (f *Folder) next(subject, text string, versions []Registered) (Registered, error) {
	if f.dir == "" {
		return Registered{}, fmt.Errorf("%w: it is read only; register in the folder that it was made from, and build again", ErrRefused)
	}
	level, err := f.level(subject)
	if err != nil {
		return Registered{}, err
	}
	if err := level.check("the new schema", text, versions, nil); err != nil {
		return Registered{}, err
	}
	id, err := idOf(text)
	if err != nil {
		return Registered{}, err
	}
	next := Registered{Subject: subject, ID: id, Version: len(versions) + 1, Text: text}
	owner, err := f.withID(id)
	if err == nil {
		err = sameText(owner, next)
	}
	return next, err
}

// Latest implements [Registry].
func (f *Folder) Latest(ctx context.Context, subject string) (Registered, error) {
	versions, err := f.versions(ctx, RegistryError{Op: opLatest, URL: f.name, Subject: subject})
	if err != nil {
		return Registered{}, err
	}
	return versions[len(versions)-1], nil
}

// Versions implements [Registry].
func (f *Folder) Versions(ctx context.Context, subject string) ([]Registered, error) {
	return f.versions(ctx, RegistryError{Op: opVersions, URL: f.name, Subject: subject})
}

func (f *Folder) versions(ctx context.Context, e RegistryError) ([]Registered, error) {
	if err := contextError(ctx); err != nil {
		return nil, e.because(nil, err)
	}
	versions, err := f.read(e.Subject)
	if err != nil {
		return nil, e.because(nil, err)
	}
	if len(versions) == 0 {
		return nil, e.because(ErrNotFound, nil)
	}
	return versions, nil
}

// Subjects implements [Registry].
func (f *Folder) Subjects(ctx context.Context) ([]string, error) {
	e := &RegistryError{Op: opSubjects, URL: f.name}
	if err := contextError(ctx); err != nil {
		return nil, e.because(nil, err)
	}
	subjects, err := f.subjects()
	if err != nil {
		return nil, e.because(nil, err)
	}
	return subjects, nil
}

// subjects returns the subjects whose folders hold a schema.
func (f *Folder) subjects() ([]string, error) {
	entries, err := fs.ReadDir(f.files, ".")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var subjects []string
	for _, entry := range entries {
		subject, err := url.PathUnescape(entry.Name())
		if !entry.IsDir() || err != nil || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		versions, err := f.countVersions(entry.Name())
		if err != nil {
			return nil, err
		}
		if versions > 0 {
			subjects = append(subjects, subject)
		}
	}
	slices.Sort(subjects)
	return subjects, nil
}

// SetCompatibility implements [Registry].
func (f *Folder) SetCompatibility(ctx context.Context, subject string, level Compatibility) error {
	e := &RegistryError{Op: opSetLevel, URL: f.name, Subject: subject}
	if err := contextError(ctx); err != nil {
		return e.because(nil, err)
	}
	if _, err := ParseCompatibility(string(level)); err != nil {
		return e.because(ErrRefused, err)
	}
	if f.dir == "" {
		e.Detail = "it is read only"
		return e.because(ErrRefused, nil)
	}
	dir := filepath.Join(f.dir, folderOf(subject))
	err := os.MkdirAll(dir, folderMode)
	if err == nil {
		var unfinished string
		if unfinished, err = writeTemp(dir, string(level)+"\n"); err == nil {
			err = os.Rename(unfinished, filepath.Join(dir, levelFile))
		}
	}
	if err != nil {
		return e.because(ErrRefused, err)
	}
	return nil
}

// find returns the version of the subject that has the text, or zero, and all versions.
func (f *Folder) find(subject, text string) (Registered, []Registered, error) {
	id, err := idOf(text)
	if err != nil {
		return Registered{}, nil, err
	}
	versions, err := f.read(subject)
	if err != nil {
		return Registered{}, nil, err
	}
	if i := slices.IndexFunc(versions, func(v Registered) bool { return v.ID == id }); i >= 0 {
		return versions[i], versions, nil
	}
	return Registered{}, versions, nil
}
