package schema

import (
	"cmp"
	"context"
	"io/fs"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/internal/topics"
)

// DefaultPrefix is the prefix of topic names, and so of subjects, unless [Config] says otherwise.
const DefaultPrefix = topics.DefaultPrefix

// Sources are the schema files: for each category a file system, which is usually embedded in the
// program. It holds "<EventType>.avsc" for each event type of the category. Such a file is the
// schema of a record in a namespace. The record has the name of the event type, and the schema
// stands by itself.
//
// "released/<EventType>.v<N>.avsc" are the released revisions, from 1 on. They are kept for ever. A
// change is checked against them before it is released. Upcasters read by them. They give a
// revision the same number in every registry.
type Sources map[string]fs.FS

// Config configures a [Codec]. Every field may be left zero.
type Config struct {
	// Prefix begins the names of the topics, which are part of the subjects. It is that of the
	// store. Default: [DefaultPrefix].
	Prefix string

	// Subject names the subjects of the schemas. Default: [TopicRecordNameStrategy].
	Subject SubjectStrategy

	// Engine is the Avro library that encodes and decodes. Each engine reads what the others wrote.
	// Default: [Twmb].
	Engine Engine

	// Register registers the schemas that Bind would only look up otherwise. NewCodec of package
	// schema/registry sets it, for tests and for programs that keep their registry in memory. A
	// service in production leaves it nil: a deployment step registers the schemas, and without
	// that step the service does not start. Default: none, Bind fails with [ErrNotFound] if the
	// registry lacks a schema.
	Register func(ctx context.Context, f File) (Registered, error)
}

// File is a schema file that fits the Go type of its event type.
type File struct {
	Type     event.Type
	Subject  string
	Text     string
	Released []string // the texts of the event type's released revisions, from 1 on
}

// SubjectOf returns the subject of a record of the category's events. record is its name with its
// namespace.
func (cfg Config) SubjectOf(category, record string) string {
	cfg = cfg.withDefaults()
	return cfg.Subject(topics.Name(cfg.Prefix, category), record)
}

func (cfg Config) withDefaults() Config {
	cfg.Prefix = cmp.Or(cfg.Prefix, DefaultPrefix)
	if cfg.Subject == nil {
		cfg.Subject = TopicRecordNameStrategy
	}
	if cfg.Engine == nil {
		cfg.Engine = Twmb{}
	}
	return cfg
}
