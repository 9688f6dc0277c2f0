package registry

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/files"
)

const (
	escapedDot = "%2E"
	levelFile  = "compatibility" // holds the level of its subject
	folderMode = 0o755
	fileMode   = 0o644
)

// read returns the versions of the subject from its files.
func (f *Folder) read(subject string) ([]schema.Registered, error) {
	dir := folderOf(subject)
	count, err := f.countVersions(dir)
	if err != nil {
		return nil, err
	}
	versions := make([]schema.Registered, count)
	for i := range versions {
		file := path.Join(dir, versionFile(i+1))
		text, err := fs.ReadFile(f.files, file)
		if err != nil {
			return nil, fmt.Errorf("%w: there are %d schemas, expected them as %s to %s: %w",
				ErrRefused, count, versionFile(1), versionFile(count), err)
		}
		id, err := idOf(string(text))
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", file, err)
		}
		versions[i] = schema.Registered{Subject: subject, ID: id, Version: i + 1, Text: string(text)}
	}
	return versions, nil
}

// countVersions returns how many schemas are in the folder dir, none if there is no such folder.
func (f *Folder) countVersions(dir string) (int, error) {
	entries, err := fs.ReadDir(f.files, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w: %w", schema.ErrUnavailable, err)
	}
	count := 0
	for _, entry := range entries {
		if path.Ext(entry.Name()) == files.Suffix {
			count++
		}
	}
	return count, nil
}

// folderOf returns the name of the subject's folder.
func folderOf(subject string) string {
	name := url.PathEscape(subject)
	if name == "" || name[0] == '.' { // what is hidden is no subject, and neither is a parent
		return escapedDot + strings.TrimPrefix(name, ".")
	}
	return name
}

func versionFile(version int) string { return "v" + strconv.Itoa(version) + files.Suffix }

// idOf returns the id that follows from a schema's text.
func idOf(text string) (int, error) {
	canonical, err := avsc.Canonical(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", schema.ErrInvalidSchema, err)
	}
	sum := sha256.Sum256([]byte(canonical))
	return max(1, int(binary.BigEndian.Uint32(sum[:])&math.MaxInt32)), nil
}

// sameText fails if a and b have one id, and not one text. It passes if there is no a.
func sameText(a, b schema.Registered) error {
	if a.ID == 0 {
		return nil
	}
	one, err := avsc.Canonical(a.Text)
	if err != nil {
		return err
	}
	other, err := avsc.Canonical(b.Text)
	if err != nil || one == other {
		return err
	}
	return fmt.Errorf("%w: its id %d is that of version %d of subject %q too, by a chance of one in two billion; "+
		"change its documentation to get another",
		ErrRefused, a.ID, a.Version, a.Subject)
}

// level returns the compatibility level of the subject.
func (f *Folder) level(subject string) (change.Compatibility, error) {
	text, err := fs.ReadFile(f.files, path.Join(folderOf(subject), levelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return change.Backward, nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", schema.ErrUnavailable, err)
	}
	level, err := change.ParseCompatibility(strings.TrimSpace(string(text)))
	if err != nil {
		return "", fmt.Errorf("%w: file %s: %w", ErrRefused, levelFile, err)
	}
	return level, nil
}

// add writes the file of a version. It is there whole or not at all, and is never replaced:
// fs.ErrExist.
func (f *Folder) add(v schema.Registered) error {
	dir := filepath.Join(f.dir, folderOf(v.Subject))
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return err
	}
	unfinished, err := writeTemp(dir, strings.TrimSpace(v.Text)+"\n")
	if err != nil {
		return err
	}
	defer os.Remove(unfinished) //nolint:errcheck // it is ignored if it stays
	return os.Link(unfinished, filepath.Join(dir, versionFile(v.Version)))
}

func writeTemp(dir, text string) (string, error) {
	file, err := os.CreateTemp(dir, ".unfinished-")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(text)
	return file.Name(), errors.Join(err, file.Chmod(fileMode), file.Close())
}
