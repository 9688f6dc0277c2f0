package partition

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// ends asks a broker where the log begins and ends. It fails unless the broker is the leader of the
// epoch, or of one that is newer, if the epoch is known: a leader's term of office.
func ends(b *dial.Broker, topic string, partition, epoch int32) (begin, end int64, err error) {
	if epoch >= 0 {
		_, err := fetch(b, fetching{topic: topic, partition: partition, offset: 0, epoch: epoch, maxBytes: oneBatch, wait: atOnce}, nil)
		if err != nil && !errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return 0, 0, err
		}
	}
	if begin, err = offsetAt(b.Broker, topic, partition, sarama.OffsetOldest); err == nil {
		end, err = offsetAt(b.Broker, topic, partition, sarama.OffsetNewest) // an error while a new leader does not know how much is replicated
	}
	return begin, end, err
}

// office is what the brokers say of the leader of a partition: the newest of their answers, for
// some of them learn late.
type office struct {
	addr   string // of the leader
	epoch  int32  // of its term of office
	asked  int    // brokers
	answer int    // of them, how many answered
}

// officeOf asks every broker that the client knows. It does not use what the client has kept: that
// never goes back to an older epoch, as brokers do whose disks were restored.
func officeOf(client sarama.Client, config *sarama.Config, topic string, partition int32) office {
	o := office{epoch: -1}
	for _, known := range client.Brokers() {
		o.asked++
		addr, epoch, err := askOffice(known.Addr(), config, topic, partition)
		if err != nil {
			continue
		}
		o.answer++
		if epoch > o.epoch {
			o.addr, o.epoch = addr, epoch
		}
	}
	return o
}

// askOffice asks the broker at the address who leads the partition.
func askOffice(at string, config *sarama.Config, topic string, partition int32) (addr string, epoch int32, err error) {
	b, err := connect(at, config)
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
