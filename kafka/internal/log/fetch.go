package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// The most bytes that a fetch brings. A broker brings the first batch even if it is larger.
const (
	FetchBytes = 4 << 20
	OneBatch   = 1
)

// The time that a fetch waits for the first batch. AtOnce is no time, and Soon is enough for a
// batch that is on its way. Anytime is for a batch that may come at any time.
const (
	AtOnce  = 0
	Soon    = 250 * time.Millisecond
	Anytime = 2500 * time.Millisecond
)

// Fetch of version 11: no later one is needed, and Kafka 2.4 and later know it.
const (
	fetchKey     = 1
	fetchVersion = 11
)

// The fields of a request that never change.
const (
	noReplica        = -1 // a client asks
	readUncommitted  = 0
	noSession        = 0
	noSessionEpoch   = -1 // org.apache.kafka.common.requests.FetchMetadata.FINAL_EPOCH: no session is opened
	AnyLeaderEpoch   = -1
	fetchFirst       = 1 // bytes that are waited for
	bytesOfAborted   = 16
	bytesOfPartition = 128 // of a request, without the topic's name
)

// largestFetch is how many bytes of batches are kept. Kafka brings more than the FetchBytes that
// were asked for only if the first batch alone has more. FetchBytes has room for four batches of
// this library. Of an answer beyond largestFetch only the first batch's header is kept.
const largestFetch = 2 * FetchBytes

// Request is one question for batches.
type Request struct {
	Topic     string
	Partition int32
	Offset    int64 // batches from the one with it on
	Epoch     int32 // of the leader; AnyLeaderEpoch if it is not known
	MaxBytes  int32
	Wait      time.Duration // for the first batch
}

// Fetched is what a fetch brought.
type Fetched struct {
	HighWatermark int64
	LogStart      int64
	Batches       []recordbatch.Batch
	Malformed     error  // of the bytes behind the batches; nil if there are none
	Room          []byte // holds the batches
}

// Fetch asks the broker, which should lead the partition. The answer also has control batches and
// the data of transactions. Their bytes are in room if it is large enough.
func Fetch(b *dial.Broker, ask Request, room []byte) (*Fetched, error) {
	var found *Fetched
	err := b.Exchange(fetchKey, fetchVersion, ask.Wait, func(a *dial.Answer) (err error) {
		b.Throttle(a.Int32())
		found, err = ask.decode(a, room)
		return err
	}, ask.encode())
	return found, err
}

// encode returns the request's body.
func (f *Request) encode() []byte {
	r := make([]byte, 0, bytesOfPartition+len(f.Topic))
	i32 := func(numbers ...int32) {
		for _, n := range numbers {
			r = binary.BigEndian.AppendUint32(r, uint32(n))
		}
	}
	i32(noReplica, int32(f.Wait.Milliseconds()), fetchFirst, f.MaxBytes)
	r = append(r, readUncommitted)
	i32(noSession, noSessionEpoch, 1)
	r = append(binary.BigEndian.AppendUint16(r, uint16(len(f.Topic))), f.Topic...)
	i32(1, f.Partition, f.Epoch)
	r = binary.BigEndian.AppendUint64(r, uint64(f.Offset))
	r = binary.BigEndian.AppendUint64(r, math.MaxUint64) // -1: no follower's log start offset
	i32(f.MaxBytes, 0)
	return append(r, 0, 0) // no rack
}

// decode reads the answer behind its throttle time. If a broker answers with an error, decode has
// read the whole answer.
func (f *Request) decode(a *dial.Answer, room []byte) (*Fetched, error) {
	code := sarama.KError(a.Int16())
	session, topics := a.Int32(), a.Int32()
	if err := errors.Join(a.Err(), retry.NoneIsNil(code)); err != nil {
		return nil, err
	}
	if session != noSession {
		return nil, fmt.Errorf("the answer is of fetch session %d, expected none", session)
	}
	if topics != 1 {
		return nil, fmt.Errorf("the answer has %d topics, expected %s", topics, f.Topic)
	}
	topic, partitions, partition := a.Text(), a.Int32(), a.Int32()
	if a.Err() == nil && (topic != f.Topic || partitions != 1 || partition != f.Partition) {
		return nil, fmt.Errorf("the answer is of %d partitions, from %s partition %d on, "+
			"expected %s partition %d alone",
			partitions, topic, partition, f.Topic, f.Partition)
	}
	code = sarama.KError(a.Int16())
	found := &Fetched{HighWatermark: a.Int64()}
	_ = a.Int64() // the last stable offset
	found.LogStart = a.Int64()
	a.Drop(bytesOfAborted * int64(max(a.Int32(), 0)))
	_ = a.Int32() // a replica that is nearer
	length := int64(max(a.Int32(), 0))
	if err := a.Err(); err != nil {
		return nil, err
	}
	if length != a.Left() {
		return nil, fmt.Errorf("the answer has %d bytes of batches in its last %d, expected as many", length, a.Left())
	}
	if err := found.read(a, length, room); err != nil {
		return nil, err
	}
	return found, access.Explain(retry.NoneIsNil(code), access.Need{
		Operation: access.Read, Resource: access.Topic, Name: f.Topic,
	})
}

// read reads so many bytes of batches.
func (f *Fetched) read(a *dial.Answer, length int64, room []byte) error {
	f.Room = room
	if length > largestFetch {
		large, err := recordbatch.ReadLarge(a, length)
		if large != nil {
			f.Batches = []recordbatch.Batch{*large}
		}
		return f.unlessMalformed(a, err)
	}
	if int64(cap(room)) < length {
		f.Room = make([]byte, length)
	}
	f.Room = f.Room[:length]
	if err := a.Fill(f.Room); err != nil {
		return err
	}
	var err error
	f.Batches, err = recordbatch.Parse(f.Room)
	if err == nil && length > 0 && len(f.Batches) == 0 {
		err = &recordbatch.MalformedError{
			Err: recordbatch.ErrHeader, Found: fmt.Sprintf("%d bytes, expected a whole batch", length),
		}
	}
	return f.unlessMalformed(a, err)
}

// unlessMalformed keeps errors of the batches apart from errors of the connection.
func (f *Fetched) unlessMalformed(a *dial.Answer, err error) error {
	var malformed *recordbatch.MalformedError
	if errors.As(err, &malformed) {
		f.Malformed = malformed
		a.Drop(a.Left())
		return a.Err()
	}
	return err
}

// From returns the batches from the one with the offset on. It fails if the bytes there are no
// batches.
func (f *Fetched) From(offset int64) ([]recordbatch.Batch, error) {
	batches := f.Batches
	for len(batches) > 0 && batches[0].LastOffset() < offset {
		batches = batches[1:]
	}
	if len(batches) == 0 {
		return nil, f.Malformed
	}
	return batches, nil
}

// OffsetAt asks the broker, which should lead the partition, for the first offset whose record is
// not earlier than a time. The time is in milliseconds, and may be sarama.OffsetOldest or
// OffsetNewest. The offset is below 0 if there is no such record.
func OffsetAt(b *sarama.Broker, topic string, partition int32, at int64) (int64, error) {
	r := sarama.NewOffsetRequest(sarama.V2_8_0_0)
	r.AddBlock(topic, partition, at, 1)
	response, err := b.GetAvailableOffsets(r)
	if err != nil {
		return 0, err
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return 0, fmt.Errorf("offsets from %s: the answer does not name the partition", b.Addr())
	}
	return block.Offset, access.Explain(retry.NoneIsNil(block.Err), access.Need{
		Operation: access.Describe, Resource: access.Topic, Name: topic,
	})
}
