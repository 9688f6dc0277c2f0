package wire_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/wire"
)

func TestKeysGoWhereOtherClientsPutThem(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	theirs := sarama.NewMurmur2Partitioner("topic")
	for length := range 300 {
		key := make([]byte, length)
		for i := range key {
			key[i] = byte(rng.Uint32())
		}
		partitions := 1 + rng.IntN(1000)
		want, err := theirs.Partition(&sarama.ProducerMessage{Key: sarama.ByteEncoder(key)}, int32(partitions))
		require.NoError(t, err)
		if length > 0 {
			require.Equal(t, int(want), wire.PartitionOf(string(key), partitions), "%x", key)
		}
	}
	// As the Java client's own test has it, UtilsTest.testMurmur2: murmur2("21") is -973932308,
	// murmur2("foobar") -790332482.
	require.Equal(t, (-973932308&0x7fffffff)%1000, wire.PartitionOf("21", 1000))
	require.Equal(t, (-790332482&0x7fffffff)%1000, wire.PartitionOf("foobar", 1000))
}
