package registry

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

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

// maxRaces bounds how often a version is written whose number other processes keep taking.
const maxRaces = 20

// Folder is a registry without a server: a folder of files, which is kept under version control
// beside the program.
//
//	<subject>/v1.avsc, v2.avsc, …   the versions as they were given
//	<subject>/compatibility         the level of the subject, such as FULL; BACKWARD without it
//
// The id of a schema follows from its text: 31 bits of its SHA-256. So two branches that add
// schemas do not give one id to two of them. A merge renumbers nothing, and a schema has the same
// id in every folder. Two branches that both add a version 2 of one subject conflict in that file,
// as they should: the second becomes version 3.
//
// Folder answers as Confluent's registry does, except that it does not count ids. Any number of
// goroutines may use it, and several processes on one machine, which see each other's schemas at
// once.
type Folder struct {
	name  string // for errors
	dir   string // empty if it is read only
	files fs.FS
	byID  sync.Map // int → string
	write sync.Mutex
}

var _ Registry = (*Folder)(nil)

// OpenFolder returns the registry in the folder dir, and makes the folder if there is none. It
// fails, all at once, with an *[Error] for each subject whose files are not as they must be.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("schema folder: %w", err)
	}
	f := &Folder{name: "folder " + dir, dir: dir, files: os.DirFS(dir)}
	return f, f.verify()
}

// NewFolder returns the registry in files, such as an embed.FS, which must not change. It is read
// only: Register fails with [ErrRefused] if a schema is not there. NewFolder fails as OpenFolder
// does.
func NewFolder(files fs.FS) (*Folder, error) {
	f := &Folder{name: "read-only folder", files: files}
	return f, f.verify()
}

// verify reads everything.
func (f *Folder) verify() error {
	subjects, err := f.subjects()
	if err != nil {
		return (&Error{Op: opOpen, URL: f.name}).because(nil, err)
	}
	owners := make(map[int]schema.Registered)
	var mistakes []error
	for _, subject := range subjects {
		e := &Error{Op: opOpen, URL: f.name, Subject: subject}
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
	e := &Error{Op: opSchema, URL: f.name, ID: id}
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
		return "", e.because(schema.ErrNotFound, nil)
	}
	f.byID.Store(id, found.Text)
	return found.Text, nil
}

// withID returns the first version that has the id, or zero.
func (f *Folder) withID(id int) (schema.Registered, error) {
	subjects, err := f.subjects()
	if err != nil {
		return schema.Registered{}, err
	}
	for _, subject := range subjects {
		versions, err := f.read(subject)
		if err != nil {
			return schema.Registered{}, err
		}
		if i := slices.IndexFunc(versions, func(v schema.Registered) bool { return v.ID == id }); i >= 0 {
			return versions[i], nil
		}
	}
	return schema.Registered{}, nil
}

// Find implements [Registry].
func (f *Folder) Find(ctx context.Context, subject, text string) (schema.Registered, error) {
	e := &Error{Op: opFind, URL: f.name, Subject: subject}
	if err := contextError(ctx); err != nil {
		return schema.Registered{}, e.because(nil, err)
	}
	found, versions, err := f.find(subject, text)
	if err != nil {
		return schema.Registered{}, e.because(nil, err)
	}
	if found.ID == 0 {
		e.Detail = fmt.Sprintf(noneOfVersions, len(versions))
		return schema.Registered{}, e.because(schema.ErrNotFound, nil)
	}
	return found, nil
}

// Register implements [Registry].
func (f *Folder) Register(ctx context.Context, subject, text string) (schema.Registered, error) {
	e := &Error{Op: opRegister, URL: f.name, Subject: subject}
	f.write.Lock()
	defer f.write.Unlock()
	for range maxRaces {
		if err := contextError(ctx); err != nil {
			return schema.Registered{}, e.because(nil, err)
		}
		found, versions, err := f.find(subject, text)
		if err == nil && found.ID != 0 {
			return found, nil
		}
		if err == nil {
			found, err = f.next(subject, text, versions)
		}
		if err != nil {
			return schema.Registered{}, e.because(nil, err)
		}
		err = f.add(found)
		switch {
		case errors.Is(err, fs.ErrExist): // another process was faster
			continue
		case err != nil:
			return schema.Registered{}, e.because(ErrRefused, err)
		}
		return found, nil
	}
	e.Detail = fmt.Sprintf("other processes took the next version %d times", maxRaces)
	return schema.Registered{}, e.because(schema.ErrUnavailable, nil)
}

// next returns the version that text becomes, or why it must not become one.
func (f *Folder) next(subject, text string, versions []schema.Registered) (schema.Registered, error) {
	if f.dir == "" {
		return schema.Registered{}, fmt.Errorf("%w: it is read only; register in the folder that it was made from, "+
			"and build again", ErrRefused)
	}
	level, err := f.level(subject)
	if err != nil {
		return schema.Registered{}, err
	}
	if err := level.CheckAvro("the new schema", text, versions); err != nil {
		return schema.Registered{}, err
	}
	id, err := idOf(text)
	if err != nil {
		return schema.Registered{}, err
	}
	next := schema.Registered{Subject: subject, ID: id, Version: len(versions) + 1, Text: text}
	owner, err := f.withID(id)
	if err == nil {
		err = sameText(owner, next)
	}
	return next, err
}

// Latest implements [Registry].
func (f *Folder) Latest(ctx context.Context, subject string) (schema.Registered, error) {
	versions, err := f.versions(ctx, Error{Op: opLatest, URL: f.name, Subject: subject})
	if err != nil {
		return schema.Registered{}, err
	}
	return versions[len(versions)-1], nil
}

// Versions implements [Registry].
func (f *Folder) Versions(ctx context.Context, subject string) ([]schema.Registered, error) {
	return f.versions(ctx, Error{Op: opVersions, URL: f.name, Subject: subject})
}

func (f *Folder) versions(ctx context.Context, e Error) ([]schema.Registered, error) {
	if err := contextError(ctx); err != nil {
		return nil, e.because(nil, err)
	}
	versions, err := f.read(e.Subject)
	if err != nil {
		return nil, e.because(nil, err)
	}
	if len(versions) == 0 {
		return nil, e.because(schema.ErrNotFound, nil)
	}
	return versions, nil
}

// Subjects implements [Registry].
func (f *Folder) Subjects(ctx context.Context) ([]string, error) {
	e := &Error{Op: opSubjects, URL: f.name}
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
		return nil, fmt.Errorf("%w: %w", schema.ErrUnavailable, err)
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
func (f *Folder) SetCompatibility(ctx context.Context, subject string, level change.Compatibility) error {
	e := &Error{Op: opSetLevel, URL: f.name, Subject: subject}
	if err := contextError(ctx); err != nil {
		return e.because(nil, err)
	}
	if _, err := change.ParseCompatibility(string(level)); err != nil {
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
func (f *Folder) find(subject, text string) (schema.Registered, []schema.Registered, error) {
	id, err := idOf(text)
	if err != nil {
		return schema.Registered{}, nil, err
	}
	versions, err := f.read(subject)
	if err != nil {
		return schema.Registered{}, nil, err
	}
	if i := slices.IndexFunc(versions, func(v schema.Registered) bool { return v.ID == id }); i >= 0 {
		return versions[i], versions, nil
	}
	return schema.Registered{}, versions, nil
}
