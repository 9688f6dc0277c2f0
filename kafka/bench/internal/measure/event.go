package measure

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

const (
	category  = "Account"
	eventType = "MoneyDeposited"

	templates = 4_096 // different values; after that they repeat, with other ids
	schemaID  = 7
	signature = 96 // random bytes in each

	idsOfSource = 40 // bits of the number of ids that a source makes
)

// source makes events whose values have 200 to 300 bytes. They are as Avro makes them of texts,
// numbers and references. About half of their bytes compresses. Its ids are unique. One goroutine
// uses a source. Each goroutine has its own, over the same values.
type source struct {
	ids    uint64        // how many it has made, from a number on that no other source has
	rng    *rand.ChaCha8 // of digests
	dice   *rand.Rand    // of choices, over rng
	values [][]byte
	next   int
	now    time.Time
}

// newValues returns the values that sources share.
func newValues(seed uint64) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	all := make([][]byte, templates)
	for i := range all {
		all[i] = newValue(rng)
	}
	return all
}

// newValue returns an event in Confluent's wire format: who, how much, when, for what, and a
// signature.
func newValue(rng *rand.Rand) []byte {
	words := [...]string{
		"invoice", "monthly", "fee", "for", "the", "account", "of", "customer", "refund", "settled",
		"card", "order",
	}
	text := func(b []byte, s string) []byte { return append(binary.AppendVarint(b, int64(len(s))), s...) }
	b := binary.BigEndian.AppendUint32([]byte{0}, schemaID)
	for range 2 {
		b = text(b, fmt.Sprintf("%08x-%04x-7%03x-a%03x-%012x",
			rng.Uint32(), rng.Uint32()&0xffff, rng.Uint32()&0xfff, rng.Uint32()&0xfff, rng.Uint64()&0xffffffffffff))
	}
	b = binary.AppendVarint(b, rng.Int64N(1_000_000))
	b = text(b, "EUR")
	b = binary.AppendVarint(b, 1_790_000_000_000+rng.Int64N(1_000_000_000))
	memo := ""
	for range 4 + rng.IntN(6) {
		memo += words[rng.IntN(len(words))] + " "
	}
	b = text(b, memo)
	b = binary.AppendVarint(b, signature)
	for range signature / 8 {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b
}

// newSource returns the source of one goroutine. Sources with different numbers make different ids.
func newSource(values [][]byte, seed, number uint64, now time.Time) *source {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], number)
	rng := rand.NewChaCha8(key)
	return &source{
		ids: mix(seed) + number<<idsOfSource, rng: rng, dice: rand.New(rng), values: values,
		next: int(number) % len(values), now: now,
	}
}

// id returns a unique id of the length and the alphabet of a UUID. It takes little time, which
// counts as the store's.
func (s *source) id() string {
	s.ids++
	var raw [16]byte
	first := mix(s.ids) // of each number another one
	binary.LittleEndian.PutUint64(raw[:8], first)
	binary.LittleEndian.PutUint64(raw[8:], mix(first))
	var text [36]byte
	uuidText(raw, &text)
	return string(text[:])
}

// uuidText writes a UUID as text.
func uuidText(raw [16]byte, text *[36]byte) {
	hex.Encode(text[0:8], raw[0:4])
	hex.Encode(text[9:13], raw[4:6])
	hex.Encode(text[14:18], raw[6:8])
	hex.Encode(text[19:23], raw[8:10])
	hex.Encode(text[24:36], raw[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
}

// stream returns a new stream.
func (s *source) stream() eventstore.Stream {
	return eventstore.Stream{Category: category, ID: s.id()}
}

// value returns the value of another event, which nobody may change.
func (s *source) value() []byte {
	s.next = (s.next + 1) % len(s.values)
	return s.values[s.next]
}

// records returns the n events of a new command.
func (s *source) records(n int) []eventstore.Record {
	command := s.id()
	all := make([]eventstore.Record, n)
	for i := range all {
		all[i] = eventstore.Record{Value: s.value(), Header: event.Header{
			ID: s.id(), Type: eventType, Revision: 1, Timestamp: s.now,
			CorrelationID: command, CausationID: command, CommandID: command, ActorID: "user-1",
		}}
	}
	return all
}

// newStreams returns a function that makes commits of one event of a new stream, as a store places
// them.
func newStreams(src *source) func() []eventstore.Record {
	return func() []eventstore.Record { return placed(src.stream(), src.records(1)) }
}

// placed returns the records as a store places them, with versions from 1 on in the stream.
func placed(stream eventstore.Stream, records []eventstore.Record) []eventstore.Record {
	for i := range records {
		r := &records[i]
		r.Category, r.AggregateID, r.AggregateVersion = stream.Category, stream.ID, int64(i+1)
		r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(records)}
	}
	return records
}
