package schema

// SubjectStrategy names the subject of a record's schemas. topic is where events of the record are
// written, and record is its name with its namespace.
type SubjectStrategy func(topic, record string) string

// TopicRecordNameStrategy is for topics that hold several types of events, as the topics of an
// event store do: "fencelog.account.events-bank.account.AccountCreated". Clients that read need no
// strategy. Writers in other languages set theirs to the one of this name.
func TopicRecordNameStrategy(topic, record string) string { return topic + "-" + record }

// TopicNameStrategy gives a topic one subject for all that is in it,
// "fencelog.account.events-value", as other clients do unless told otherwise. It is for topics that
// hold one type of events: a second type would be an incompatible version of the first.
func TopicNameStrategy(topic, _ string) string { return topic + "-value" }

// RecordNameStrategy gives a record one subject for all topics, "bank.account.AccountCreated". So a
// change of the record must be compatible everywhere.
func RecordNameStrategy(_, record string) string { return record }
