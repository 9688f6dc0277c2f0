package kafkatest

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	readyPoll    = 100 * time.Millisecond
	probeTimeout = 5 * time.Second
)

// probeConfig returns the settings of the client that asks a broker for its state.
func probeConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "kafkatest"
	c.Version = sarama.V2_8_0_0
	c.Net.DialTimeout = probeTimeout
	c.Net.ReadTimeout = probeTimeout
	c.Net.WriteTimeout = probeTimeout
	return c
}

// metadata asks one broker for the metadata of the cluster.
func metadata(addr string) (*sarama.MetadataResponse, error) {
	b := sarama.NewBroker(addr)
	config := probeConfig()
	if err := b.Open(config); err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	if ok, err := b.Connected(); !ok {
		return nil, errors.Join(err, sarama.ErrNotConnected)
	}
	return b.GetMetadata(sarama.NewMetadataRequest(config.Version, nil))
}

// ready returns nil if the broker is ready, and otherwise what is wrong. A ready broker answers. By
// its metadata there is a controller, and all brokers in want are registered and unfenced. The
// broker itself is in sync in each of its partitions that has a leader.
func (b *broker) ready(want []int) error {
	m, err := metadata(b.address())
	if err != nil {
		return err
	}
	return missing(m, b.id, want)
}

// missing says what the metadata of a broker lacks that is not ready.
func missing(m *sarama.MetadataResponse, self int, want []int) error {
	if m.ControllerID < 0 {
		return errors.New("there is no controller")
	}
	registered := make(map[int32]bool, len(m.Brokers))
	for _, b := range m.Brokers {
		registered[b.ID()] = true
	}
	for _, id := range want {
		if !registered[int32(id)] {
			return fmt.Errorf("broker %d is not registered", id)
		}
	}
	for _, topic := range m.Topics {
		for _, p := range topic.Partitions {
			if p.Leader >= 0 && contains(p.Replicas, self) && !contains(p.Isr, self) {
				return fmt.Errorf("broker %d is not in sync in %s/%d", self, topic.Name, p.ID)
			}
		}
	}
	return nil
}

func contains(ids []int32, id int) bool {
	for _, v := range ids {
		if int(v) == id {
			return true
		}
	}
	return false
}
