package log

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// Produce of version 8: no later one is needed, and Kafka 2.4 and later know it.
const (
	produceKey     = 0
	produceVersion = 8
)

// The fields of a request that never change.
const (
	noTransaction = 0xffff // no name of one
	allReplicas   = 0xffff // -1: all in sync must have the batch
)

const bytesOfThrottle = 4

// Write is a batch that is to be written.
type Write struct {
	Topic     string
	Partition int32
	Batch     []byte
	Timeout   time.Duration // that the broker waits for the other replicas
}

// Produce sends one batch to the broker, which should lead the partition. It returns the offset of
// the batch and the broker's error code. An error means that there was no answer.
func Produce(b *dial.Broker, w Write) (base int64, code sarama.KError, err error) {
	err = b.Exchange(produceKey, produceVersion, 0, func(a *dial.Answer) (err error) {
		var throttle int32
		base, code, throttle, err = w.decode(a)
		b.Throttle(throttle)
		return err
	}, w.encode(), w.Batch)
	return base, code, err
}

// encode returns the request's body without the batch, which is its last part.
func (w *Write) encode() []byte {
	r := make([]byte, 0, bytesOfPartition+len(w.Topic))
	r = binary.BigEndian.AppendUint16(r, noTransaction)
	r = binary.BigEndian.AppendUint16(r, allReplicas)
	r = binary.BigEndian.AppendUint32(r, uint32(w.Timeout.Milliseconds()))
	r = binary.BigEndian.AppendUint32(r, 1)
	r = append(binary.BigEndian.AppendUint16(r, uint16(len(w.Topic))), w.Topic...)
	r = binary.BigEndian.AppendUint32(r, 1)
	r = binary.BigEndian.AppendUint32(r, uint32(w.Partition))
	return binary.BigEndian.AppendUint32(r, uint32(len(w.Batch)))
}

// decode reads the answer.
func (w *Write) decode(a *dial.Answer) (base int64, code sarama.KError, throttle int32, err error) {
	if topics := a.Int32(); a.Err() == nil && topics != 1 {
		return 0, 0, 0, fmt.Errorf("the answer has %d topics, expected %s", topics, w.Topic)
	}
	topic, partitions, partition := a.Text(), a.Int32(), a.Int32()
	if a.Err() == nil && (topic != w.Topic || partitions != 1 || partition != w.Partition) {
		return 0, 0, 0, fmt.Errorf("the answer is of %d partitions, from %s partition %d on, "+
			"expected %s partition %d alone", partitions, topic, partition, w.Topic, w.Partition)
	}
	code, base = sarama.KError(a.Int16()), a.Int64()
	// Nobody needs a time, where the log starts, and a text of an error. The throttle time is last.
	a.Drop(max(a.Left()-bytesOfThrottle, 0))
	throttle = a.Int32()
	return base, code, throttle, a.Err()
}
