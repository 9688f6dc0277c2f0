package eventstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fencelog/fencelog/event"
)

// The bounds of what a store takes. They fit a Kafka topic with the default max.message.bytes
// (1,048,588).
const (
	MaxTypeBytes     = 100       // of a category or an event type
	MaxIDBytes       = 255       // of an aggregate, event, command, correlation, causation or actor id
	MaxDigestBytes   = 64        // of the digest of a command: 32 bytes in hexadecimal
	MaxRevision      = 1<<31 - 1 // of an event type: 32 bits, as which clients of every language hold it
	MaxCommitRecords = 1_000     // records in one Append
	MaxCommitBytes   = 768 << 10 // bytes of one Append: values, ids and metadata, as [Size] counts them
)

// recordOverhead is more than what header names and framing add to a record on Kafka.
const recordOverhead = 424

// Size returns the bytes that a record counts towards [MaxCommitBytes].
func Size(r Record) int {
	n := recordOverhead + len(r.Value) + len(r.ID) + len(r.Type) + len(r.CorrelationID) + len(r.CausationID) +
		len(r.CommandID) + len(r.CommandCausationID) + len(r.CommandDigest) + len(r.ActorID) + len(r.TraceParent)
	for k, v := range r.Metadata {
		n += len(k) + len(v) + 16
	}
	return n
}

// Check returns nil, or an *[InvalidError] for each rule that an Append of the commit would break,
// joined. key is the one of the commit's category. An implementation of [Store] calls it first.
func Check(commit Commit, key PartitionKey) error {
	c := checker{key: key, what: "record"}
	first := commit.Stream()
	c.stream(first)
	c.expectations(&commit, first)
	c.commands(&commit)
	if n := len(commit.Records); n > MaxCommitRecords {
		c.add("records", strconv.Itoa(n), fmt.Sprintf("at most %d of them", MaxCommitRecords))
	}
	c.text("command id", commit.CommandID, MaxIDBytes)
	switch {
	case commit.Digest == "":
	case commit.CommandID == "":
		c.add("command digest", strconv.QuoteToASCII(commit.Digest), "nothing without a command id")
	default:
		c.text("command digest", commit.Digest, MaxDigestBytes)
	}
	size := 0
	for i := range commit.Records {
		r := &commit.Records[i]
		c.at = i + 1
		c.record(r)
		c.command(r, &commit)
		if i > 0 && (r.AggregateID != commit.Records[i-1].AggregateID || r.Category != commit.Records[i-1].Category) {
			c.stream(r.Stream())
		}
		c.together(r.Stream(), first)
		if size += Size(*r); r.CommandID == "" {
			size += len(commit.CommandID)
		}
	}
	c.at = 0
	if size > MaxCommitBytes {
		c.add("commit", fmt.Sprintf("%d bytes", size), fmt.Sprintf("at most %d", MaxCommitBytes))
	}
	return errors.Join(c.found...)
}

// RefuseCheck returns an *[InvalidError] if the commit is a check. [Store.AppendEach] takes none.
// RefuseCheck is for implementations of [Store].
func RefuseCheck(commit Commit) error {
	if len(commit.Records) > 0 {
		return nil
	}
	return &InvalidError{Field: "records", Found: "0 in a list's commit", Want: "one or more; a check goes to Append"}
}

// expectations checks what the commit expects of streams.
func (c *checker) expectations(commit *Commit, first Stream) {
	switch n := len(commit.Expect); {
	case n > MaxCommitRecords:
		c.add("expectations", strconv.Itoa(n), fmt.Sprintf("at most %d of them", MaxCommitRecords))
	case n == 0 && len(commit.Records) == 0:
		c.add("expectations", "0", "one or more for a commit without records")
	}
	var seen streamSet
	for i := range commit.Expect {
		e := &commit.Expect[i]
		if len(commit.Expect) > 1 {
			c.what, c.at = "expectation", i+1
			if !seen.add(e.Stream) {
				c.add("stream", e.Stream.String()+" for the second time", "one expectation a stream")
			}
		}
		if e.Stream != first {
			c.stream(e.Stream)
			c.together(e.Stream, first)
		}
		switch {
		case e.Version == Any && !commit.writes(e.Stream):
			c.add("expected version", "Any",
				"NoStream or a version from 1 on, as there are no records of "+e.Stream.String())
		case e.Version < NoStream && e.Version != Any:
			c.add("expected version", strconv.FormatInt(int64(e.Version), 10), "Any, NoStream or a version from 1 on")
		}
	}
	c.what, c.at = "record", 0
}

// commands checks what the commit expects of commands.
func (c *checker) commands(commit *Commit) {
	if n := len(commit.ExpectCommands); n > MaxCommitRecords {
		c.add("expectations of commands", strconv.Itoa(n), fmt.Sprintf("at most %d of them", MaxCommitRecords))
	}
	for _, e := range commit.ExpectCommands {
		c.commandID("expected command id", e.CommandID)
	}
}

func (c *checker) commandID(field, id string) {
	if id == "" {
		c.add(field, "nothing", fmt.Sprintf("1 to %d bytes", MaxIDBytes))
	}
	c.text(field, id, MaxIDBytes)
}

// writes reports whether the commit has a record of the stream.
func (c *Commit) writes(stream Stream) bool {
	for i := range c.Records {
		if c.Records[i].Stream() == stream {
			return true
		}
	}
	return false
}

// together checks that a stream has the category and the partition key of the commit's first
// stream.
func (c *checker) together(stream, first Stream) {
	if stream == first { // as in most commits
		return
	}
	if stream.Category != first.Category {
		c.add("category", strconv.QuoteToASCII(stream.Category),
			strconv.QuoteToASCII(first.Category)+", as a commit has one category")
		return
	}
	if found, want := c.key.Of(stream.ID), c.key.Of(first.ID); found != want {
		hint := ""
		if c.key == WholeID {
			hint = "; streams share one in a category with " + BeforeSlash.String()
		}
		c.add("partition key", fmt.Sprintf("%q of %s", found, stream),
			fmt.Sprintf("%q of %s, as a commit has one partition key (%s%s)", want, first, c.key, hint))
	}
}

// command checks that the record is of the commit's command. Only the commit gives a digest:
// readers of whole commits look for it in the first record.
func (c *checker) command(r *Record, commit *Commit) {
	if r.CommandID != "" && r.CommandID != commit.CommandID {
		c.add("command id", strconv.Quote(r.CommandID), "that of the commit, "+strconv.Quote(commit.CommandID))
	}
	if r.CommandDigest != "" && (c.at > 1 || r.CommandDigest != commit.Digest) {
		c.add("command digest", strconv.QuoteToASCII(r.CommandDigest), "nothing: the commit has it")
	}
}

// CheckStream returns nil, or what is wrong with the name of a stream. key is the one of its
// category.
func CheckStream(s Stream, key PartitionKey) error {
	c := checker{key: key}
	c.stream(s)
	return errors.Join(c.found...)
}

// CheckCommandID returns nil, or what is wrong with the id of a command.
func CheckCommandID(id string) error {
	var c checker
	c.commandID("command id", id)
	return errors.Join(c.found...)
}

// CheckTogether returns nil, or what is wrong with the expectations of streams that were read
// together with this one; see [Store.ReadQueued]. key is the one of their category. It is for
// implementations of [Store].
func CheckTogether(stream Stream, with []Expectation, key PartitionKey) error {
	all := with
	if !slices.ContainsFunc(with, func(e Expectation) bool { return e.Stream == stream }) {
		all = append(slices.Clone(with), Expectation{Stream: stream})
	}
	if err := Check(Commit{Expect: all}, key); err != nil {
		return err
	}
	for _, e := range with {
		if e.Tip == nil {
			return &InvalidError{
				Field: "expectation of " + e.Stream.String(), Found: "no Tip", Want: "what ReadQueued returned",
			}
		}
	}
	return nil
}

// CheckCategory returns nil, or what is wrong with the name of a category.
func CheckCategory(category string) error {
	var c checker
	c.name("category", category)
	return errors.Join(c.found...)
}

// checker gathers what is wrong. It makes no text before something is.
type checker struct {
	key   PartitionKey
	found []error
	what  string // is checked: "record" or "expectation"
	at    int    // the number of it; 0 for what is of neither
}

func (c *checker) add(field, found, want string) {
	if c.at > 0 {
		field = fmt.Sprintf("%s %d: %s", c.what, c.at, field)
	}
	c.found = append(c.found, &InvalidError{Field: field, Found: found, Want: want})
}

func (c *checker) stream(s Stream) {
	c.name("category", s.Category)
	if s.ID == "" {
		c.add("aggregate id", "nothing", fmt.Sprintf("1 to %d bytes", MaxIDBytes))
	}
	c.text("aggregate id", s.ID, MaxIDBytes)
	if c.key == BeforeSlash && strings.HasPrefix(s.ID, "/") {
		c.add("aggregate id", strconv.QuoteToASCII(s.ID), "something before the slash, which is the partition key")
	}
}

func (c *checker) record(r *Record) {
	if r.AggregateVersion != 0 || r.Position != (event.Position{}) || r.Commit != (CommitPart{}) {
		c.add("version, position, commit", fmt.Sprintf("version %d at %s", r.AggregateVersion, r.Position),
			"zero: the store sets them")
	}
	if r.ID == "" {
		c.add("event id", "nothing", "a unique id")
	}
	c.text("event id", r.ID, MaxIDBytes)
	c.name("event type", r.Type)
	if r.Revision < 1 || r.Revision > MaxRevision {
		c.add("revision", strconv.Itoa(r.Revision), fmt.Sprintf("1 to %d", MaxRevision))
	}
	// 64 bits of nanoseconds, as which clients hold a time, reach into 2262.
	if y := r.Timestamp.UTC().Year(); y < 1970 || y > 2261 {
		c.add("timestamp", r.Timestamp.Format(time.RFC3339Nano), "a time in the years 1970 to 2261")
	}
	c.text("correlation id", r.CorrelationID, MaxIDBytes)
	c.text("causation id", r.CausationID, MaxIDBytes)
	c.text("command's causation id", r.CommandCausationID, MaxIDBytes)
	c.text("actor id", r.ActorID, MaxIDBytes)
	c.text("traceparent", r.TraceParent, MaxIDBytes)
	if len(r.Value) == 0 {
		c.add("value", "nothing", "an encoded event")
	}
	if len(r.Metadata) == 0 {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		if k == "" {
			c.add("metadata key", "nothing", "a name")
		}
		c.text("metadata key", k, MaxIDBytes)
		if v := r.Metadata[k]; len(v) > MaxCommitBytes || !utf8.ValidString(v) {
			c.text("metadata "+strconv.Quote(k), v, MaxCommitBytes)
		}
	}
}

func (c *checker) text(field, s string, most int) {
	if len(s) > most {
		c.add(field, fmt.Sprintf("%d bytes", len(s)), fmt.Sprintf("at most %d", most))
	}
	if !utf8.ValidString(s) {
		c.add(field, strconv.QuoteToASCII(s), "UTF-8")
	}
}

func (c *checker) name(field, s string) {
	ok := len(s) > 0 && len(s) <= MaxTypeBytes
	for i, r := range []byte(s) {
		letter := 'a' <= r|0x20 && r|0x20 <= 'z'
		other := '0' <= r && r <= '9' || r == '-' || r == '_'
		ok = ok && (letter || i > 0 && other)
	}
	if !ok {
		c.add(field, strconv.QuoteToASCII(s),
			fmt.Sprintf("a letter, then letters, digits, '-' or '_', at most %d", MaxTypeBytes))
	}
}
