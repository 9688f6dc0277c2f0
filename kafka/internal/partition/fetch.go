package partition

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
)

// How much a fetch brings at most, of a broker that brings the first batch however large it is.
const (
	fetchBytes = 4 << 20
	oneBatch   = 1
)

// How long a fetch waits for the first batch: when it is there or not, when one is known to come, and when one may come at any time.
const (
	atOnce  = 0
	soon    = 250 * time.Millisecond
	anytime = 2500 * time.Millisecond
)

// Fetch of version 11: no later one is needed, and Kafka 2.4 and later know it.
const (
	fetchKey     = 1
	fetchVersion = 11
)

// What a request says that never changes.
const (
	noReplica        = -1 // a client asks
	readUncommitted  = 0
	noSession        = 0
	noSessionEpoch   = -1 // org.apache.kafka.common.requests.FetchMetadata.FINAL_EPOCH: no session is opened
	anyLeaderEpoch   = -1
	fetchFirst       = 1 // bytes that are waited for
	bytesOfAborted   = 16
	bytesOfPartition = 128 // of a request, without the topic's name
)

// largestFetch is how many bytes of batches are kept. Kafka brings more than the fetchBytes that were asked for only where
// the first batch alone has more, and a batch of this library fits fetchBytes four times. Of a larger batch the header is kept.
const largestFetch = 2 * fetchBytes

// fetching is one question for batches.
type fetching struct {
	topic     string
	partition int32
	offset    int64 // batches from the one with it on
	epoch     int32 // of the leader, as far as it is known; anyLeaderEpoch otherwise
	maxBytes  int32
	wait      time.Duration // for the first batch
}

// fetched is what a fetch brought.
type fetched struct {
	highWatermark int64
	logStart      int64
	batches       []recordbatch.Batch
	malformed     error  // of the bytes behind the batches; nil if there are none
	room          []byte // holds the batches
}

// fetch asks the broker, which should lead the partition. Control batches and transactions' data are among the
// batches. Their bytes are in room if it is large enough.
func fetch(b *dial.Broker, ask fetching, room []byte) (*fetched, error) {
	var found *fetched
	err := b.Exchange(fetchKey, fetchVersion, ask.encode(), ask.wait, func(a *dial.Answer) (err error) {
		found, err = ask.decode(a, room)
		return err
	})
	return found, err
}

// encode returns the request's body.
func (f *fetching) encode() []byte {
	r := make([]byte, 0, bytesOfPartition+len(f.topic))
	i32 := func(numbers ...int32) {
		for _, n := range numbers {
			r = binary.BigEndian.AppendUint32(r, uint32(n))
		}
	}
	i32(noReplica, int32(f.wait.Milliseconds()), fetchFirst, f.maxBytes)
	r = append(r, readUncommitted)
	i32(noSession, noSessionEpoch, 1)
	r = append(binary.BigEndian.AppendUint16(r, uint16(len(f.topic))), f.topic...)
	i32(1, f.partition, f.epoch)
	r = binary.BigEndian.AppendUint64(r, uint64(f.offset))
	r = binary.BigEndian.AppendUint64(r, math.MaxUint64) // -1: no follower's log start offset
	i32(f.maxBytes, 0)
	return append(r, 0, 0) // no rack
}

// decode reads the answer. A broker's own error leaves nothing of it unread.
func (f *fetching) decode(a *dial.Answer, room []byte) (*fetched, error) {
	_ = a.Int32() // throttled for so long: the broker reads the next request no sooner
	code := sarama.KError(a.Int16())
	session, topics := a.Int32(), a.Int32()
	if err := errors.Join(a.Err(), noneIsNil(code)); err != nil {
		return nil, err
	}
	if session != noSession {
		return nil, fmt.Errorf("the answer is of fetch session %d, expected none", session)
	}
	if topics != 1 {
		return nil, fmt.Errorf("the answer has %d topics, expected %s", topics, f.topic)
	}
	topic, partitions, partition := a.Text(), a.Int32(), a.Int32()
	if a.Err() == nil && (topic != f.topic || partitions != 1 || partition != f.partition) {
		return nil, fmt.Errorf("the answer is of %d partitions, from %s partition %d on, expected %s partition %d alone",
			partitions, topic, partition, f.topic, f.partition)
	}
	code = sarama.KError(a.Int16())
	found := &fetched{highWatermark: a.Int64()}
	_ = a.Int64() // the last stable offset
	found.logStart = a.Int64()
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
	return found, access.Explain(noneIsNil(code), access.Need{Operation: access.Read, Resource: access.Topic, Name: f.topic})
}

// read reads so many bytes of batches.
func (f *fetched) read(a *dial.Answer, length int64, room []byte) error {
	f.room = room
	if length > largestFetch {
		large, err := recordbatch.ReadLarge(a, length)
		if large != nil {
			f.batches = []recordbatch.Batch{*large}
		}
		return f.unlessMalformed(a, err)
	}
	if int64(cap(room)) < length {
		f.room = make([]byte, length)
	}
	f.room = f.room[:length]
	if err := a.Fill(f.room); err != nil {
		return err
	}
	var err error
	f.batches, err = recordbatch.Parse(f.room)
	if err == nil && length > 0 && len(f.batches) == 0 {
		err = &recordbatch.MalformedError{Err: recordbatch.ErrHeader, Found: fmt.Sprintf("%d bytes, expected a whole batch", length)}
	}
	return f.unlessMalformed(a, err)
}

// unlessMalformed keeps what is about the batches apart from what is about the connection.
func (f *fetched) unlessMalformed(a *dial.Answer, err error) error {
	var malformed *recordbatch.MalformedError
	if errors.As(err, &malformed) {
		f.malformed = malformed
		a.Drop(a.Left())
		return a.Err()
	}
	return err
}

// from returns the batches from the one with the offset on; an error if the bytes there are none.
func (f *fetched) from(offset int64) ([]recordbatch.Batch, error) {
	batches := f.batches
	for len(batches) > 0 && batches[0].LastOffset() < offset {
		batches = batches[1:]
	}
	if len(batches) == 0 {
		return nil, f.malformed
	}
	return batches, nil
}

// offsetAt asks the broker, which should lead the partition, for the first offset whose record is not earlier than the time, in milliseconds; below 0 if
// there is none. The time may be sarama.OffsetOldest or OffsetNewest.
func offsetAt(b *sarama.Broker, topic string, partition int32, at int64) (int64, error) {
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
	return block.Offset, access.Explain(noneIsNil(block.Err), access.Need{Operation: access.Describe, Resource: access.Topic, Name: topic})
}
