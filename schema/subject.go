package schema

// SubjectStrategy names the subject of a record's schemas. topic is where events of it are written, record its name
// with its namespace.
type SubjectStrategy func(topic, record string) string

// TopicRecordNameStrategy is for topics that hold several types of events, as the topics of an event store do:
// "billing.account.events-billing.account.AccountCreated". Clients that read need no strategy;
// writers of other languages set theirs to the one of this name.
func TopicRecordNameStrategy(topic, record string) string { return topic + "-" + record }

// TopicNameStrategy gives a topic one subject for all that is in it, "billing.account.events-value": what other
// clients do unless told otherwise. It is for topics that hold one type of events: a second one would be an
// incompatible version of the first.
func TopicNameStrategy(topic, _ string) string { return topic + "-value" }

// RecordNameStrategy gives a record one subject in whatever topics it is, "billing.account.AccountCreated": a
// change of it must be compatible everywhere.
func RecordNameStrategy(_, record string) string { return record }

// withDefaults returns cfg with the fields that subjects are made of.
func (cfg Config) withDefaults() Config {
	cfg.Prefix = or(cfg.Prefix, DefaultPrefix)
	if cfg.Subject == nil {
		cfg.Subject = TopicRecordNameStrategy
	}
	if cfg.Engine == nil {
		cfg.Engine = Twmb{}
	}
	return cfg
}
