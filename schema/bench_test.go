package schema_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
)

func bare(b *testing.B) *avro.Schema {
	b.Helper()
	text, err := os.ReadFile("testdata/account/AccountCreated.avsc")
	require.NoError(b, err)
	s, err := avro.Parse(string(text))
	require.NoError(b, err)
	return s
}

func boundCodec(b *testing.B) (*schema.Codec, event.Type) {
	b.Helper()
	c := newCodec(b, schema.NewMemory(), accountSources())
	require.NoError(b, c.Bind(b.Context(), []event.Type{created(), credited()}))
	return c, created()
}

// BenchmarkEncode compares the codec with the Avro library below it and with JSON. "bare" gets a pointer, and a
// buffer that is large enough, as the codec gives it.
func BenchmarkEncode(b *testing.B) {
	e := exampleCreated()
	b.Run("codec", func(b *testing.B) {
		c, typ := boundCodec(b)
		var boxed any = e
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := c.Encode(b.Context(), typ, boxed); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		s := bare(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.AppendEncode(make([]byte, 0, 32), &e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare value", func(b *testing.B) {
		s := bare(b)
		var boxed any = e
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.AppendEncode(make([]byte, 0, 32), boxed); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&e); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecode compares the codec with the Avro library below it and with JSON.
func BenchmarkDecode(b *testing.B) {
	b.Run("codec", func(b *testing.B) {
		c, typ := boundCodec(b)
		value, _, err := c.Encode(b.Context(), typ, exampleCreated())
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			var got AccountCreated
			if err := c.Decode(b.Context(), typ, value, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		s := bare(b)
		e := exampleCreated()
		value, err := s.Encode(&e)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			var got AccountCreated
			if _, err := s.Decode(value, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		e := exampleCreated()
		value, err := json.Marshal(&e)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			var got AccountCreated
			if err := json.Unmarshal(value, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
