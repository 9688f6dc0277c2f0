package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/IBM/sarama"
)

// brokers looks at each address of the configuration, and reports whether one of them answers.
func (d *diagnosis) brokers(ctx context.Context) bool {
	answers := false
	for _, addr := range d.cfg.Brokers {
		if err := hello(ctx, addr, d.sarama, d.cfg.topicNames()); err != nil {
			d.unreachable("broker at "+addr, addr, err, "KAFKA_BROKERS")
			continue
		}
		answers = true
		d.ok("brokers", "broker at %s answers (%s)", addr, d.cfg.Security)
	}
	return answers
}

// unreachable says why a broker does not answer at addr. source is what the address is from.
func (d *diagnosis) unreachable(who, addr string, err error, source string) {
	_, port, _ := net.SplitHostPort(addr) // it was dialled
	var mismatch *mismatchError
	var dns *net.DNSError
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &mismatch):
		d.wrong("brokers", who+": "+mismatch.Found, mismatch.Do)
	case errors.As(err, &dns):
		d.wrong("brokers", fmt.Sprintf("%s: the name %s is not known", who, dns.Name), "check the name in "+source+", or the name service of this machine")
	case errors.Is(err, syscall.ECONNREFUSED):
		d.wrong("brokers", who+": nothing listens there",
			"start the broker, or correct its address in "+source+"; if it does not stay up, its log says why, and a common reason is a port that is taken (lsof -i :"+port+")")
	case errors.As(err, &timeout) && timeout.Timeout() && errors.As(err, &op) && op.Op == "dial":
		d.wrong("brokers", who+": no connection in time", "look whether a firewall is between, and whether the address in "+source+" is right")
	case errors.As(err, &timeout) && timeout.Timeout():
		d.wrong("brokers", who+": something listens there and does not answer as a broker does",
			"find out which program it is (lsof -i :"+port+"): another one may have taken the port, or the broker hangs")
	default:
		d.wrong("brokers", fmt.Sprintf("%s: what listens there is not a Kafka broker (%v)", who, err),
			"find out which program has taken the port (lsof -i :"+port+"), or check the address in "+source)
	}
}

// cluster looks at all brokers that the cluster names, and at what they speak.
func (d *diagnosis) cluster(ctx context.Context) {
	const check = "cluster"
	all := d.client.Brokers()
	slices.SortFunc(all, func(a, b *sarama.Broker) int { return cmp.Compare(a.ID(), b.ID()) })
	for _, b := range all {
		who := fmt.Sprintf("broker %d, which the cluster says is at %s", b.ID(), b.Addr())
		if slices.Contains(d.cfg.Brokers, b.Addr()) {
			continue
		}
		if err := hello(ctx, b.Addr(), d.sarama, d.cfg.topicNames()); err != nil {
			d.unreachable(who, b.Addr(), err, fmt.Sprintf("advertised.listeners of broker %d", b.ID()))
			continue
		}
		d.ok("brokers", "%s answers", who)
	}
	if len(all) < int(d.cfg.ReplicationFactor) {
		d.wrong(check, fmt.Sprintf("%d brokers are up, expected %d or more, the replication factor", len(all), d.cfg.ReplicationFactor),
			"start the others")
	}
	id, err := d.client.clusterID(ctx, d.cfg.topicNames())
	if err != nil {
		d.failed(check, err)
		return
	}
	old := false
	versions := make(map[string]bool)
	for _, b := range all {
		speaks, err := versionsOf(b, d.sarama)
		if err != nil {
			continue // it was found unreachable above
		}
		versions[speaks.release] = true
		for _, lack := range speaks.lacks {
			old = true
			d.wrong(check, fmt.Sprintf("broker %d is too old: it lacks %s", b.ID(), lack), "run Kafka 2.8 or later")
		}
	}
	if !old {
		d.ok(check, "cluster %s, %d brokers of %s", id, len(all), strings.Join(sortedKeys(versions), " and "))
	}
}

func sortedKeys(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// spoken is what a broker says of itself.
type spoken struct {
	release string
	lacks   []string
}

// needed are the versions of the requests that a store makes; all are in Kafka 2.8.
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

func versionsOf(b *sarama.Broker, s *sarama.Config) (spoken, error) {
	own := *s
	own.ApiVersionsRequest = false // a listener with SASL is asked once
	own.Net.SASL.Enable = false
	c := sarama.NewBroker(b.Addr())
	if err := c.Open(&own); err != nil {
		return spoken{}, err
	}
	defer func() { _ = c.Close() }()
	r, err := c.ApiVersions(&sarama.ApiVersionsRequest{Version: 3, ClientSoftwareName: "fencelog", ClientSoftwareVersion: "1"})
	if err != nil {
		return spoken{}, err
	}
	found := spoken{release: "Kafka before 3.3"}
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

// release names what a cluster's metadata.version belongs to: the least release that knows the level.
func release(level int16) string {
	for _, known := range []struct {
		upTo int16
		name string
	}{
		{7, "3.3"}, {8, "3.4"}, {11, "3.5"}, {14, "3.6"}, {19, "3.7"}, {20, "3.8"}, {21, "3.9"}, {25, "4.0"}, {27, "4.1"}, {29, "4.2"}, {30, "4.3"},
	} {
		if level <= known.upTo {
			return fmt.Sprintf("Kafka %s (metadata.version %d)", known.name, level)
		}
	}
	return fmt.Sprintf("Kafka later than 4.3 (metadata.version %d)", level)
}
