// Package files says how the files of schemas are named, within the files of a category.
// "<EventType>.avsc" is today's schema. "released/<EventType>.v<N>.avsc" is the released revision
// N.
//
// It never looks into a file. Its errors wrap no sentinel: its callers say what an error of it
// means. Its functions may be called by any number of goroutines.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"

	"github.com/fencelog/fencelog/event"
)

// Suffix ends the name of a schema file.
const Suffix = ".avsc"

const releasedFolder = "released"

// Patterns of names, for [io/fs.Glob].
const (
	Today    = "*" + Suffix
	Released = releasedFolder + "/*" + Suffix
)

// Of returns the file that has the schema of t.
func Of(t event.Type) string {
	if t.Revision == 0 {
		return t.Name + Suffix
	}
	return Revision(t.Name, t.Revision)
}

// Revision returns the file that has a released revision of an event type.
func Revision(name string, revision int) string {
	return path.Join(releasedFolder, name+".v"+strconv.Itoa(revision)+Suffix)
}

// ReadRevisions returns the texts of the released revisions of an event type, from 1 on: none if
// there are no such files.
func ReadRevisions(source fs.FS, name string) ([]string, error) {
	var texts []string
	for {
		text, err := fs.ReadFile(source, Revision(name, len(texts)+1))
		if errors.Is(err, fs.ErrNotExist) {
			return texts, nil
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
}

// ParseRevision returns the event type and the revision that a file of a released revision is named
// after.
func ParseRevision(file string) (name string, revision int, err error) {
	m := regexp.MustCompile(`^([^.]+)\.v([1-9][0-9]*)\` + Suffix + `$`).FindStringSubmatch(path.Base(file))
	if m == nil {
		return "", 0, fmt.Errorf("found the file %s, expected a name such as %s", file, Revision("AccountCreated", 1))
	}
	revision, err = strconv.Atoi(m[2])
	return m[1], revision, err
}

// Misnumbered says that a released revision has another number in a registry. Then the revision in
// the header of an event would choose the wrong upcaster.
func Misnumbered(subject, file string, version int) string {
	return fmt.Sprintf("%s is, or would be, version %d of subject %q in this registry, "+
		"expected the revision in its name: register all released revisions in order, "+
		"which registry.Register does, under a subject that has none yet", file, version, subject)
}
