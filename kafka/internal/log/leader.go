package log

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// Ends asks a broker where the log begins and ends. An epoch is a leader's term of office, and is
// negative if it is not known. If it is known, Ends fails unless the broker is the leader of that
// epoch or of a newer one.
func Ends(b *dial.Broker, topic string, partition, epoch int32) (begin, end int64, err error) {
	if epoch >= 0 {
		_, err := Fetch(b, Request{
			Topic: topic, Partition: partition, Offset: 0, Epoch: epoch, MaxBytes: OneBatch, Wait: AtOnce,
		}, nil)
		if err != nil && !errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return 0, 0, err
		}
	}
	if begin, err = OffsetAt(b.Broker, topic, partition, sarama.OffsetOldest); err == nil {
		// this fails while a new leader does not know how much is replicated
		end, err = OffsetAt(b.Broker, topic, partition, sarama.OffsetNewest)
	}
	return begin, end, err
}

// Office is what the brokers say of the leader of a partition. It is the newest of their answers,
// because some brokers learn late.
type Office struct {
	Addr     string // of the leader
	Epoch    int32  // of its term of office
	Asked    int    // brokers
	Answered int    // of them, how many answered
}

// OfficeOf asks every broker that the client knows. It does not use what the client has kept, which
// never goes back to an older epoch. Brokers whose disks were restored do go back.
func OfficeOf(client sarama.Client, config *sarama.Config, topic string, partition int32) Office {
	o := Office{Epoch: -1}
	for _, known := range client.Brokers() {
		o.Asked++
		addr, epoch, err := askOffice(known.Addr(), config, topic, partition)
		if err != nil {
			continue
		}
		o.Answered++
		if epoch > o.Epoch {
			o.Addr, o.Epoch = addr, epoch
		}
	}
	return o
}

// askOffice asks the broker at the address who leads the partition.
func askOffice(at string, config *sarama.Config, topic string, partition int32) (addr string, epoch int32, err error) {
	b, err := Connect(at, config)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = b.Close() }()
	r, err := b.GetMetadata(sarama.NewMetadataRequest(config.Version, []string{topic}))
	if err != nil {
		return "", 0, err
	}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if t.Name != topic || p.ID != partition {
				continue
			}
			for _, leader := range r.Brokers {
				if leader.ID() == p.Leader {
					return leader.Addr(), p.LeaderEpoch, nil
				}
			}
		}
	}
	return "", 0, fmt.Errorf("broker %s knows no leader of %s partition %d", at, topic, partition)
}

// Connect opens a connection to a broker.
func Connect(addr string, config *sarama.Config) (*sarama.Broker, error) {
	b := sarama.NewBroker(addr)
	if err := b.Open(config); err != nil {
		return nil, err
	}
	if _, err := b.Connected(); err != nil {
		return nil, fmt.Errorf("connect to broker %s: %w", addr, err)
	}
	return b, nil
}
