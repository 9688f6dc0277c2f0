package wire

import "encoding/binary"

// PartitionOf returns the partition of a record with that key, among so many. Kafka's Java client
// and most others choose the same
// (org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey). It is murmur2
// without its sign. Sarama has the same behind an interface that allocates for each call.
func PartitionOf(key string, partitions int) int {
	return int(murmur2(key)&0x7fffffff) % partitions
}

// murmur2 is org.apache.kafka.common.utils.Utils.murmur2, Austin Appleby's MurmurHash2 with Kafka's
// seed.
func murmur2(key string) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(key))
	var word [4]byte
	for ; len(key) >= len(word); key = key[len(word):] {
		copy(word[:], key)
		k := binary.LittleEndian.Uint32(word[:]) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	if len(key) > 0 {
		word = [4]byte{}
		copy(word[:], key)
		h = (h ^ binary.LittleEndian.Uint32(word[:])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
