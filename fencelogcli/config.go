package fencelogcli

import (
	"cmp"
	"io"
	"os"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

// DefaultName is the name of the tool unless [Config] says otherwise.
const DefaultName = "fencelog"

// Config is what a service's tool knows by itself. The zero Config is that of the generic tool.
type Config struct {
	// Name is how the program is called, in help, errors and completion. Default: [DefaultName];
	// [Main] takes the name of the program's file.
	Name string

	// Categories are those of the service. Default: what --category and FENCELOG_CATEGORIES say.
	Categories []topics.Category

	// TopicPrefix and ClientID are used if neither a flag nor the environment says otherwise.
	// Default: those of packages topics and connection.
	TopicPrefix string
	ClientID    string

	// Schemas are the schema files of the service. Default: those in the folder that --schemas or
	// FENCELOG_SCHEMAS names.
	Schemas schema.Sources

	// Events are the types that the service stores. If they are given, "schemas register" also
	// checks that each fits its Go type, and registers no other file. Default: all schema files are
	// registered, and no Go type is looked at.
	Events []event.Type

	// Codec is what the service gives to its codec. The tool sets the Prefix to that of the topics.
	// Default: the zero [schema.Config].
	Codec schema.Config

	// Compatibility is what a schema must keep to. Default: [change.FullTransitive].
	Compatibility change.Compatibility

	// AdvertiseVariable names the variable by which an instance of the service shares the
	// partitions. Where it is set, "doctor" checks the permission that sharing needs. Default:
	// none, --sharing asks for that check.
	AdvertiseVariable string

	// Stdout and Stderr take what the tool prints. Each is written to by one goroutine at a time.
	// Default: those of the process.
	Stdout, Stderr io.Writer

	// Getenv reads environment variables. Default: [os.Getenv].
	Getenv func(string) string
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, DefaultName)
	c.Compatibility = cmp.Or(c.Compatibility, change.FullTransitive)
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	c.Stderr = &lines{w: c.Stderr}
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	return c
}
