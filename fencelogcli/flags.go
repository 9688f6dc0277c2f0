package fencelogcli

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema/registry"
)

// The variables of the tool itself.
const (
	// EnvCategories is what --category is told, with commas between the categories.
	EnvCategories = "FENCELOG_CATEGORIES"
	// EnvSchemas is what --schemas is told.
	EnvSchemas = "FENCELOG_SCHEMAS"
)

// flags are what the command line says.
type flags struct {
	variables  map[string]*string // by the environment variable that a flag wins over
	categories []string
	folder     string // that is the registry
	schemas    string
	json       bool
}

// variable declares a flag that wins over an environment variable, and says what is used without
// both.
func (t *tool) variable(cmd *cobra.Command, name, variable, usage string, otherwise ...string) {
	if t.flags.variables == nil {
		t.flags.variables = make(map[string]*string)
	}
	value := t.flags.variables[variable]
	if value == nil {
		value = new(string)
		t.flags.variables[variable] = value
	}
	from := strings.Join(append([]string{variable}, otherwise...), ", or ")
	cmd.Flags().StringVar(value, name, "", usage+" (default: "+from+")")
}

// env returns what a flag says, or else the environment.
func (t *tool) env(name string) string {
	if value := t.flags.variables[name]; value != nil && *value != "" {
		return *value
	}
	return t.Getenv(name)
}

func (t *tool) jsonFlag(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&t.flags.json, "json", false, usage)
}

func (t *tool) prefixFlag(cmd *cobra.Command) {
	t.variable(cmd, "prefix", environment.TopicPrefix, "`prefix` of the topics' names",
		cmp.Or(t.TopicPrefix, topics.DefaultPrefix))
}

// kafkaFlags declares the flags of a command that connects to brokers.
func (t *tool) kafkaFlags(cmd *cobra.Command) {
	t.variable(cmd, "brokers", environment.Brokers, "`addresses` of some brokers, host:port, with commas between them")
	t.prefixFlag(cmd)
	usage := "`category`, the partitions of its topic and its partition key, such as Account:10 or " +
		"Account:10:before-slash; may be repeated " +
		"(default: " + EnvCategories + ")"
	if len(t.Categories) > 0 {
		usage = "only this `category`; may be repeated (default: all)"
	}
	cmd.Flags().StringSliceVar(&t.flags.categories, "category", nil, usage)
	_ = cmd.RegisterFlagCompletionFunc("category", t.completeCategories("")) // it fails for no flag, or a second time
}

// registryFlags declares the flags of a command that asks the schema registry.
func (t *tool) registryFlags(cmd *cobra.Command) {
	t.variable(cmd, "registry", registry.EnvURL, "`URL` of the schema registry")
	cmd.Flags().StringVar(&t.flags.folder, "registry-dir", "", "`folder` that is the registry, instead of a URL")
	_ = cmd.MarkFlagDirname("registry-dir")
}

// schemasFlag declares the flag of a command that needs schema files.
func (t *tool) schemasFlag(cmd *cobra.Command) {
	if len(t.Schemas) > 0 {
		return
	}
	cmd.Flags().StringVar(&t.flags.schemas, "schemas", "",
		"`folder` with a folder of schema files for each category (default: "+EnvSchemas+")")
	_ = cmd.MarkFlagDirname("schemas")
}

// declared returns the categories that are known without a flag.
func (t *tool) declared() ([]topics.Category, error) {
	if len(t.Categories) > 0 {
		return t.Categories, nil
	}
	var all []topics.Category
	for text := range strings.SplitSeq(t.Getenv(EnvCategories), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		c, err := parseCategory(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvCategories, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// parseCategory reads a category, the partitions of its topic, and its partition key. Both may be
// missing: then there are 0 partitions, and the key is eventstore.WholeID.
func parseCategory(text string) (topics.Category, error) {
	wrong := fmt.Errorf("found the category %q, expected a name, a number of partitions and a partition key, "+
		"such as Account:10 or Account:10:%s", text, eventstore.BeforeSlash)
	name, rest, has := strings.Cut(text, ":")
	c := topics.Category{Name: name}
	if !has {
		return c, nil
	}
	number, key, has := strings.Cut(rest, ":")
	partitions, err := strconv.ParseInt(number, 10, 32)
	if err != nil || partitions < 1 {
		return c, wrong
	}
	c.Partitions = int32(partitions)
	if has {
		if err := c.PartitionKey.UnmarshalText([]byte(key)); err != nil {
			return c, fmt.Errorf("%w: %w", wrong, err)
		}
	}
	return c, nil
}

// chosen returns the categories that flags and environment ask for.
func (t *tool) chosen() ([]topics.Category, error) {
	declared, err := t.declared()
	if err != nil {
		return nil, &usageError{err}
	}
	var chosen []topics.Category
	for _, text := range t.flags.categories {
		c, err := parseCategory(text)
		if err != nil {
			return nil, &usageError{err}
		}
		i := slices.IndexFunc(declared, func(d topics.Category) bool { return d.Name == c.Name })
		switch {
		case len(t.Categories) > 0 && (i < 0 || c.Partitions != 0 && c.Partitions != declared[i].Partitions):
			return nil, usagef("found the category %q, expected one of %s", text, namesOf(declared))
		case i >= 0:
			c.Partitions = cmp.Or(c.Partitions, declared[i].Partitions)
			c.PartitionKey = cmp.Or(c.PartitionKey, declared[i].PartitionKey)
		}
		chosen = append(chosen, c)
	}
	if len(chosen) == 0 {
		chosen = declared
	}
	if len(chosen) == 0 {
		return nil, usagef("no category is known: give each by --category, with the partitions of its topic, "+
			"such as --category Account:10, or all in %s", EnvCategories)
	}
	return chosen, nil
}

// namesOf lists categories as --category takes them.
func namesOf(all []topics.Category) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = fmt.Sprintf("%s:%d", c.Name, cmp.Or(c.Partitions, topics.DefaultPartitions))
		if c.PartitionKey != eventstore.WholeID {
			names[i] += ":" + c.PartitionKey.String()
		}
	}
	return strings.Join(names, ", ")
}

// kafka returns the configuration of a store with these categories. Brokers that are waited for are
// told on Stderr.
func (t *tool) kafka(categories ...topics.Category) (kafka.Config, error) {
	cfg, err := environment.Read(t.env, categories...)
	if err != nil {
		return kafka.Config{}, err
	}
	cfg.Topics.Prefix = cmp.Or(cfg.Topics.Prefix, t.TopicPrefix)
	cfg.Connection.ClientID = cmp.Or(cfg.Connection.ClientID, t.ClientID)
	cfg.Logger = slog.New(slog.NewTextHandler(t.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.Connection.Logger = cfg.Logger
	return cfg, nil
}

// kafkaOfAll is kafka with the categories that were asked for.
func (t *tool) kafkaOfAll() (kafka.Config, error) {
	categories, err := t.chosen()
	if err != nil {
		return kafka.Config{}, err
	}
	return t.kafka(categories...)
}
