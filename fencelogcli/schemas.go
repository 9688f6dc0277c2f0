package fencelogcli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// schemas returns the commands that look after schemas.
func (t *tool) schemas() *cobra.Command {
	var level string
	var offline bool
	register := &cobra.Command{
		Use:   "register",
		Short: "checks the schemas, and registers those that are missing",
		Long: `
It is a deployment step that comes before the first service that writes them: services
register nothing. It makes the checks of "schemas check" first, and registers nothing if
one fails. Then it registers what is missing, the oldest revision first, and shows all.
It may be repeated.`,
		Example: "  " + t.Name + " schemas register",
		Args:    between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.withSchemas(level, func(sources schema.Sources, level change.Compatibility) error {
				return t.registerSchemas(cmd.Context(), sources, level)
			})
		},
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "tells whether the schemas can be registered, and registers nothing",
		Long: `
Each schema file must be its event's latest released revision, and get along with all
revisions that were released: the files in the folder released, and the versions in the
registry. It exits with 1 if one does not.`,
		Example: "  " + t.Name + " schemas check\n" +
			"  " + t.Name + " schemas check --released-only   # in CI, without a registry",
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.withSchemas(level, func(sources schema.Sources, level change.Compatibility) error {
				return t.checkSchemas(cmd.Context(), sources, level, offline)
			})
		},
	}
	for _, cmd := range []*cobra.Command{register, check} {
		t.registryFlags(cmd)
		t.prefixFlag(cmd)
		t.schemasFlag(cmd)
		cmd.Flags().StringVar(&level, "compatibility", string(t.Compatibility), "`level` that a schema must keep to")
		_ = cmd.RegisterFlagCompletionFunc("compatibility",
			cobra.FixedCompletions(levels(), cobra.ShellCompDirectiveNoFileComp))
	}
	t.jsonFlag(register, "print a list of schemas as JSON")
	t.jsonFlag(check, "print a list of problems as JSON")
	check.Flags().BoolVar(&offline, "released-only", false, "compare with the released files, and ask no registry")
	return t.group("schemas", "registers and checks the schemas of events", "", register, check)
}

func levels() []string {
	var names []string
	for _, level := range change.Compatibilities() {
		names = append(names, string(level))
	}
	return names
}

// withSchemas finds the schema files and the level, and calls do.
func (t *tool) withSchemas(level string, do func(schema.Sources, change.Compatibility) error) error {
	parsed, err := change.ParseCompatibility(level)
	if err != nil {
		return &usageError{err}
	}
	sources, err := t.sources()
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return usagef("no schema files are known: name the folder with a folder of them for each "+
			"category by --schemas, or in %s", EnvSchemas)
	}
	return do(sources, parsed)
}

// sources returns the schema files; none if neither the service nor the caller names any.
func (t *tool) sources() (schema.Sources, error) {
	dir := cmp.Or(t.flags.schemas, t.Getenv(EnvSchemas))
	if len(t.Schemas) > 0 || dir == "" {
		return t.Schemas, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("schema files: %w", err)
	}
	declared, err := t.declared()
	if err != nil {
		return nil, &usageError{err}
	}
	sources := make(schema.Sources)
	for _, e := range entries {
		files := os.DirFS(filepath.Join(dir, e.Name()))
		found, err := fs.Glob(files, "*.avsc")
		if err != nil || len(found) == 0 {
			continue
		}
		category := e.Name()
		i := slices.IndexFunc(declared, func(c topics.Category) bool { return strings.EqualFold(c.Name, category) })
		if i >= 0 {
			category = declared[i].Name
		}
		sources[category] = files
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no folder in %s has schema files (*.avsc); expected one for each category", dir)
	}
	return sources, nil
}

// schemaJSON is what --json says of a registered schema.
type schemaJSON struct {
	Category string `json:"category"`
	Event    string `json:"event"`
	Revision int    `json:"revision"`
	SchemaID int    `json:"schemaId"`
	Subject  string `json:"subject"`
}

func (t *tool) registerSchemas(ctx context.Context, sources schema.Sources, level change.Compatibility) (err error) {
	r, end, err := t.registry()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	over := t.waiting("waiting for the registry " + t.place())
	types, done, err := t.deploy(ctx, r, sources, level)
	over()
	if err != nil {
		return err
	}
	all := make([]schemaJSON, len(done))
	for i, s := range done {
		all[i] = schemaJSON{types[i].Category, types[i].Name, s.Version, s.ID, s.Subject}
	}
	if t.flags.json {
		return t.printJSON(all)
	}
	width := len("Event")
	for _, s := range all {
		width = max(width, len(s.Event))
	}
	row := func(event, revision, id, subject string) {
		fmt.Fprintf(t.Stdout, "%-*s  %8s  %10s  %s\n", width, event, revision, id, subject)
	}
	row("Event", "Revision", "Id", "Subject")
	for _, s := range all {
		row(s.Event, strconv.Itoa(s.Revision), strconv.Itoa(s.SchemaID), s.Subject)
	}
	return nil
}

// deploy registers the schemas of the types that the service stores, or else those of all files.
func (t *tool) deploy(
	ctx context.Context, r registry.Registry, sources schema.Sources, level change.Compatibility,
) ([]event.Type, []schema.Registered, error) {
	if len(t.Events) > 0 {
		done, err := registry.Deploy(ctx, r, sources, t.Events, level, t.codec())
		return t.Events, done, err
	}
	files, err := registry.Files(sources, t.codec())
	if err != nil {
		return nil, nil, err
	}
	types := make([]event.Type, len(files))
	for i, f := range files {
		types[i] = f.Type
	}
	done, err := registry.DeployFiles(ctx, r, sources, level, t.codec())
	return types, done, err
}

// problemJSON is what --json says of a schema that may not be registered.
type problemJSON struct {
	Subject string `json:"subject,omitempty"`
	Field   string `json:"field,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Problem string `json:"problem"`
}

func (t *tool) checkSchemas(
	ctx context.Context, sources schema.Sources, level change.Compatibility, offline bool,
) (err error) {
	var r registry.Registry = registry.NewMemory()
	end := func() error { return nil }
	if !offline {
		if r, end, err = t.registry(); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, end()) }()
	over := t.waiting("waiting for the registry " + t.place())
	err = registry.CheckRelease(ctx, r, sources, level, t.codec())
	over()
	if t.flags.json && ctx.Err() == nil && !away(err) {
		problems := problemsIn(err)
		if err := t.printJSON(problems); err != nil || len(problems) == 0 {
			return err
		}
		return errFound
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Stdout, "The schemas are released, and %s with all revisions.\n", level)
	return err
}

// problemsIn returns the single problems that are joined in err.
func problemsIn(err error) []problemJSON {
	all := []problemJSON{}
	switch err := err.(type) { //nolint:errorlint // it takes the tree of errors apart
	case nil:
	case *change.IncompatibleError:
		for _, f := range err.Found {
			all = append(all, problemJSON{err.Subject, f.Field, string(f.Rule), f.String()})
		}
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			all = append(all, problemsIn(inner)...)
		}
	default:
		if inner := new(change.IncompatibleError); errors.As(err, &inner) {
			return problemsIn(errors.Unwrap(err))
		}
		all = append(all, problemJSON{Problem: err.Error()})
	}
	return all
}
