package doctor

import (
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// spoken is what a broker says of itself.
type spoken struct {
	release string
	lacks   []string
	most    map[int16]int16 // versions of requests
}

// needed returns the versions of the requests that a store makes. Kafka 2.8 has all of them.
func needed() []struct {
	name         string
	key, version int16
} {
	return []struct {
		name         string
		key, version int16
	}{
		{"Produce", 0, 8},
		{"Fetch", 1, 11},
		{"Metadata", 3, 10},
		{"InitProducerId", 22, 4},
		{"AddPartitionsToTxn", 24, 2},
		{"EndTxn", 26, 2},
	}
}

func versionsOf(addr string, s *sarama.Config) (spoken, error) {
	own := *s
	own.ApiVersionsRequest = false // a listener with SASL answers this once
	own.Net.SASL.Enable = false
	c := sarama.NewBroker(addr)
	if err := c.Open(&own); err != nil {
		return spoken{}, err
	}
	defer func() { _ = c.Close() }()
	r, err := c.ApiVersions(&sarama.ApiVersionsRequest{
		Version: 3, ClientSoftwareName: "fencelog",
		ClientSoftwareVersion: "1",
	})
	if err != nil {
		return spoken{}, err
	}
	found := spoken{release: "Kafka before 3.3", most: make(map[int16]int16)}
	for _, k := range r.ApiKeys {
		found.most[k.ApiKey] = k.MaxVersion
	}
	for _, f := range r.FinalizedFeatures {
		if f.Name == "metadata.version" {
			found.release = release(f.MaxVersionLevel)
		}
	}
	for _, n := range needed() {
		i := slices.IndexFunc(r.ApiKeys, func(k sarama.ApiVersionsResponseKey) bool { return k.ApiKey == n.key })
		if i < 0 || r.ApiKeys[i].MaxVersion < n.version || r.ApiKeys[i].MinVersion > n.version {
			found.lacks = append(found.lacks, fmt.Sprintf("%s version %d", n.name, n.version))
		}
	}
	return found, nil
}

// release names the release of a cluster by its metadata.version: the earliest release that knows
// this level.
func release(level int16) string {
	for _, known := range []struct {
		upTo int16
		name string
	}{
		{7, "3.3"}, {8, "3.4"}, {11, "3.5"}, {14, "3.6"}, {19, "3.7"}, {20, "3.8"}, {21, "3.9"}, {25, "4.0"}, {
			27,
			"4.1",
		}, {29, "4.2"}, {30, "4.3"},
	} {
		if level <= known.upTo {
			return fmt.Sprintf("Kafka %s (metadata.version %d)", known.name, level)
		}
	}
	return fmt.Sprintf("Kafka later than 4.3 (metadata.version %d)", level)
}
