package recordbatch

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// The bounds of a batch that is decoded. The largest batch that this library writes has 900 KiB as
// eventstore.Size counts it. Size counts more than 400 bytes for a record and 16 for an entry of
// metadata, beyond their texts. With keys and types, such a batch has less than 2 MiB, 2,304
// records and 85,000 headers. So no version of this library has written a batch that breaks a
// bound.
const (
	MaxBytes   = 8 << 20 // after decompression
	MaxRecords = 1 << 16
	MaxHeaders = 1 << 18 // of all its records
)

// The fewest bytes that a record and a header take.
const (
	leastRecord = 7
	leastHeader = 2
)

// usualHeaders is the most headers that a record usually has.
const usualHeaders = 12

// Decoder decodes the records of batches. The zero value is ready. Its records and their bytes are
// valid until Reset is called. Not for concurrent use.
type Decoder struct {
	bytes   []byte
	records []sarama.Record
	headers []sarama.RecordHeader
	list    []*sarama.RecordHeader
}

// kept bounds the memory that Reset keeps, in bytes and in headers.
const (
	keptBytes   = 2 * MaxBytes
	keptRecords = MaxRecords
	keptHeaders = MaxHeaders
)

// Reset lets the decoder reuse the memory of everything that it has decoded.
func (d *Decoder) Reset() {
	d.bytes, d.records, d.headers, d.list = d.bytes[:0], d.records[:0], d.headers[:0], d.list[:0]
	if cap(d.bytes) > keptBytes {
		d.bytes = nil
	}
	if cap(d.records) > keptRecords {
		d.records = nil
	}
	if cap(d.headers) > keptHeaders {
		d.headers, d.list = nil, nil
	}
}

// Records returns the records of the batch. It never allocates more than the bounds allow. It fails
// with a *[MalformedError] that wraps
//   - [ErrTooLarge] if the batch breaks a bound;
//   - [ErrRecords] if its bytes are no records.
func (d *Decoder) Records(b *Batch) ([]sarama.Record, error) {
	if b.left {
		return nil, b.malformed(ErrTooLarge, fmt.Sprintf("%d bytes, expected %d at most", b.Size, MaxBytes))
	}
	if b.Count > MaxRecords {
		return nil, b.malformed(ErrTooLarge, fmt.Sprintf("%d records, expected %d at most", b.Count, MaxRecords))
	}
	raw, err := d.decompress(b)
	if err != nil {
		return nil, err
	}
	if int64(b.Count)*leastRecord > int64(len(raw)) {
		return nil, b.malformed(ErrRecords, fmt.Sprintf("%d records in %d bytes", b.Count, len(raw)))
	}
	begin := len(d.records)
	if cap(d.records)-begin < int(b.Count) { // records that were handed out stay where they are
		d.records, begin = make([]sarama.Record, 0, b.Count), 0
	}
	if cap(d.headers) == 0 {
		room := min(int(b.Count)*usualHeaders, len(raw)/leastHeader, MaxHeaders)
		d.headers, d.list = make([]sarama.RecordHeader, 0, room), make([]*sarama.RecordHeader, 0, room)
	}
	d.records = d.records[:begin+int(b.Count)]
	records := d.records[begin:]
	p := parser{left: raw, decoder: d, most: MaxHeaders}
	for i := range records {
		p.record(&records[i])
	}
	switch {
	case p.most < 0:
		return nil, b.malformed(ErrTooLarge, fmt.Sprintf("more than %d headers", MaxHeaders))
	case p.bad:
		return nil, b.malformed(ErrRecords, "a record does not fit its length")
	case len(p.left) > 0:
		return nil, b.malformed(ErrRecords, fmt.Sprintf("%d bytes after the last record", len(p.left)))
	}
	for i := range records {
		if delta := records[i].OffsetDelta; delta < 0 || delta > int64(b.LastOffsetDelta) || i > 0 &&
			delta <= records[i-1].OffsetDelta {
			return nil, b.malformed(ErrRecords, fmt.Sprintf("record %d is at offset delta %d", i, delta))
		}
	}
	return records, nil
}

func (b *Batch) malformed(kind error, found string) error {
	return &MalformedError{Offset: b.FirstOffset, Err: kind, Found: found}
}

// parser reads records one after the other. If one cannot be read, all that follow are empty.
type parser struct {
	left    []byte
	decoder *Decoder
	most    int // headers that may come
	bad     bool
}

func (p *parser) record(r *sarama.Record) {
	length := p.varint()
	if p.bad || length < 1 || length > int64(len(p.left)) {
		p.fail()
		return
	}
	after := p.left[length:]
	p.left = p.left[:length]
	attributes := int8(p.left[0])
	p.left = p.left[1:]
	*r = sarama.Record{
		Attributes: attributes, TimestampDelta: time.Duration(p.varint()) * time.Millisecond, OffsetDelta: p.varint(),
	}
	r.Key, r.Value = p.bytes(), p.bytes()
	r.Headers = p.readHeaders()
	if p.bad || len(p.left) > 0 {
		p.fail()
		return
	}
	p.left = after
}

func (p *parser) readHeaders() []*sarama.RecordHeader {
	n := p.varint()
	if p.bad || n < 0 || n*leastHeader > int64(len(p.left)) {
		p.fail()
		return nil
	}
	if p.most -= int(n); p.most < 0 {
		p.fail()
		return nil
	}
	d := p.decoder
	begin := len(d.list)
	for range n {
		d.headers = append(d.headers, sarama.RecordHeader{Key: p.bytes(), Value: p.bytes()})
		d.list = append(d.list, &d.headers[len(d.headers)-1])
	}
	return d.list[begin:len(d.list):len(d.list)]
}

// bytes reads a length and then so many bytes. The length is -1 if there are none.
func (p *parser) bytes() []byte {
	n := p.varint()
	if n == -1 || p.bad {
		return nil
	}
	if n < 0 || n > int64(len(p.left)) {
		p.fail()
		return nil
	}
	b := p.left[:n:n]
	p.left = p.left[n:]
	return b
}

func (p *parser) varint() int64 {
	if len(p.left) > 0 && p.left[0] < 0x80 { // most have one byte
		v := p.left[0]
		p.left = p.left[1:]
		return int64(v>>1) ^ -int64(v&1)
	}
	v, n := binary.Varint(p.left)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.left = p.left[n:]
	return v
}

func (p *parser) fail() { p.bad, p.left = true, nil }
