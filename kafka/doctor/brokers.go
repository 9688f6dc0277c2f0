package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/client"
)

// view is the answer of one broker, or the reason why there is none.
type view struct {
	addr       string
	configured bool  // in Config.Brokers
	id         int32 // unknownBroker if no broker says which broker is at addr
	err        error
	metadata   *sarama.MetadataResponse
	speaks     spoken
}

const unknownBroker = -1

// askedAtOnce bounds the brokers that are asked at the same time.
const askedAtOnce = 16

// brokers asks each broker itself. It begins with those of the configuration, and goes on with
// those that they name. It reports whether one of them answers.
func (d *diagnosis) brokers(ctx context.Context) bool {
	for _, addr := range d.cfg.Connection.Brokers {
		d.views = append(d.views, &view{addr: addr, configured: true, id: unknownBroker})
	}
	d.askEach(ctx, d.views)
	named := d.named()
	for _, id := range sortedKeys(named) {
		i := slices.IndexFunc(d.views, func(v *view) bool { return v.addr == named[id] })
		if i < 0 {
			d.views = append(d.views, &view{addr: named[id], id: id})
		} else {
			d.views[i].id = id
		}
	}
	d.askEach(ctx, d.views[len(d.cfg.Connection.Brokers):])
	for _, v := range d.views {
		who, source := "broker at "+v.addr, brokersVariable
		if !v.configured {
			who = fmt.Sprintf("broker %d, which the cluster says is at %s", v.id, v.addr)
			source = fmt.Sprintf("advertised.listeners of broker %d", v.id)
		}
		switch {
		case v.err != nil:
			d.unreachable(who, v.addr, v.err, source)
		case v.configured:
			d.ok("brokers", "%s answers (%s)", who, d.cfg.Connection.Security)
		default:
			d.ok("brokers", "%s answers", who)
		}
	}
	return len(d.answering()) > 0
}

// askEach asks brokers at the same time.
func (d *diagnosis) askEach(ctx context.Context, views []*view) {
	places := make(chan struct{}, askedAtOnce)
	var group sync.WaitGroup
	for _, v := range views {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if v.metadata, v.err = client.Hello(ctx, v.addr, d.sarama, d.names); v.err == nil {
				v.speaks, v.err = versionsOf(v.addr, d.sarama)
			}
		})
	}
	group.Wait()
}

// answering returns the views of the brokers that answer.
func (d *diagnosis) answering() []*view {
	return slices.DeleteFunc(slices.Clone(d.views), func(v *view) bool { return v.err != nil })
}

// each returns one view of each broker that answers. A broker does not say who it is, and clients
// may reach it at more addresses than the one that it tells. So a view may have no id. Its broker
// is one of those that it names. If all of these answer at the addresses that they tell, the view
// adds nothing, and each leaves it out.
func (d *diagnosis) each() []*view {
	var all []*view
	for _, v := range d.answering() {
		named := make([]int32, 0, len(v.metadata.Brokers))
		for _, b := range v.metadata.Brokers {
			named = append(named, b.ID())
		}
		if v.id != unknownBroker || len(named) == 0 || len(d.away(named)) > 0 {
			all = append(all, v)
		}
	}
	return all
}

// named returns the addresses of all brokers that a broker names, by id.
func (d *diagnosis) named() map[int32]string {
	all := make(map[int32]string)
	for _, v := range d.answering() {
		for _, b := range v.metadata.Brokers {
			all[b.ID()] = b.Addr()
		}
	}
	return all
}

// away returns the brokers of the given ids that do not answer. Either no broker names them any
// more, or nothing comes from their address.
func (d *diagnosis) away(ids []int32) []int32 {
	var away []int32
	for _, id := range ids {
		i := slices.IndexFunc(d.views, func(v *view) bool { return v.id == id })
		if i < 0 || d.views[i].err != nil {
			away = append(away, id)
		}
	}
	slices.Sort(away)
	return slices.Compact(away)
}

// unreachable says why a broker does not answer at addr. source says where the address is from.
func (d *diagnosis) unreachable(who, addr string, err error, source string) {
	_, port, _ := net.SplitHostPort(addr) // addr has a port, because it was dialled
	var mismatch *client.MismatchError
	var dns *net.DNSError
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &mismatch):
		d.wrong("brokers", who+": "+mismatch.Found, mismatch.Do)
	case errors.As(err, &dns):
		d.wrong("brokers", fmt.Sprintf("%s: the name %s is not known", who, dns.Name),
			"check the name in "+source+", or the name service of this machine")
	case errors.Is(err, syscall.ECONNREFUSED):
		d.wrong("brokers", who+": nothing listens there",
			"start the broker, or correct its address in "+source+"; if it does not stay up, its log says why, "+
				"and a common reason is a port that is taken (lsof -i :"+port+")")
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		d.wrong("brokers", who+": what listens there is not a Kafka broker, or one that has just ended: "+
			"it broke the connection off",
			"look again; if it stays, find out which program has taken the port (lsof -i :"+port+"), "+
				"or check the address in "+source)
	case errors.As(err, &timeout) && timeout.Timeout() && errors.As(err, &op) && op.Op == "dial":
		d.wrong("brokers", who+": no connection in time",
			"look whether a firewall is between, and whether the address in "+source+" is right")
	case errors.As(err, &timeout) && timeout.Timeout():
		d.wrong("brokers", who+": something listens there and does not answer as a broker does",
			"find out which program it is (lsof -i :"+port+"): if it is the broker, it hangs or was stopped (kill "+
				"-CONT lets it go on): start it again; another one may have taken the port")
	default:
		d.wrong("brokers", fmt.Sprintf("%s: what listens there is not a Kafka broker (%v)", who, err),
			"find out which program has taken the port (lsof -i :"+port+"), or check the address in "+source)
	}
}

// cluster compares what the brokers say of the cluster, and the requests that they know.
func (d *diagnosis) cluster(ctx context.Context) {
	const check = "cluster"
	d.oneCluster()
	known := d.known()
	if len(known) < int(d.cfg.Topics.ReplicationFactor) {
		d.wrong(check, fmt.Sprintf("the cluster has %d brokers now, expected %d or more, the replication factor",
			len(known), d.cfg.Topics.ReplicationFactor),
			"start the others; or, if there are to be no more, "+
				replicationVariable+"="+fmt.Sprint(len(known))+" for new topics")
	}
	old := d.tooOld()
	d.quorum(ctx)
	d.disks(ctx)
	away := d.away(known)
	releases := make(map[string]bool)
	id := ""
	for _, v := range d.answering() {
		releases[v.speaks.release] = true
		if v.metadata.ClusterID != nil {
			id = *v.metadata.ClusterID
		}
	}
	switch {
	case 2*len(away) >= len(known):
		d.add(check, Warning, fmt.Sprintf("cluster %s: %d of its %d brokers answer; "+
			"what they say of the others (%s) may be from before",
			id, len(known)-len(away), len(known), idList(away)),
			"start "+theBrokers(away)+"; nothing below rests on what was said of them")
	case len(away) > 0: // another finding says so, with the reason
		d.ok(check, "cluster %s, %d brokers, of which %d answer", id, len(known), len(known)-len(away))
	case !old:
		d.ok(check, "cluster %s, %d brokers of %s, each of which was asked", id, len(known),
			strings.Join(sortedKeys(releases), " and "))
	}
}

// known returns the brokers that a broker names, or that have replicas. Other brokers no longer
// name one that is down for a while.
func (d *diagnosis) known() []int32 {
	known := slices.Collect(keysOf(d.named()))
	for _, name := range d.names {
		for _, p := range d.partitions(name) {
			known = append(known, p.Replicas...)
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// oneCluster looks whether all brokers are of one cluster, and whether they see each other.
func (d *diagnosis) oneCluster() {
	clusters, seen := make(map[string][]string), make(map[string][]string) // addresses, by the brokers' answers
	for _, v := range d.answering() {
		id := "without an id"
		if v.metadata.ClusterID != nil {
			id = *v.metadata.ClusterID
		}
		clusters[id] = append(clusters[id], v.addr)
		var ids []int32
		for _, b := range v.metadata.Brokers {
			ids = append(ids, b.ID())
		}
		slices.Sort(ids)
		seen[idList(ids)] = append(seen[idList(ids)], v.addr)
	}
	if len(clusters) > 1 {
		d.wrong("cluster", "the brokers are of different clusters: "+sayings(clusters),
			"name the brokers of one cluster in "+brokersVariable)
	} else if len(seen) > 1 {
		d.add("cluster", Warning, "the brokers do not name the same brokers: "+sayings(seen),
			"wait, if one has just started or ended; if it stays, look into the log of the one that names the "+
				"fewest: it does not hear of the controllers")
	}
}

// sayings lists the answers of brokers.
func sayings(by map[string][]string) string {
	var all []string
	for _, what := range sortedKeys(by) {
		all = append(all, strings.Join(by[what], ", ")+" say "+what)
	}
	return strings.Join(all, "; ")
}

// tooOld looks at the requests that the brokers know, and reports whether a broker is too old.
func (d *diagnosis) tooOld() bool {
	lacking := make(map[string][]int32)
	for _, v := range d.each() {
		if len(v.speaks.lacks) > 0 {
			what := strings.Join(v.speaks.lacks, ", ")
			lacking[what] = append(lacking[what], v.id)
		}
	}
	for _, what := range sortedKeys(lacking) {
		are, lack := "is", "it lacks"
		if len(lacking[what]) > 1 {
			are, lack = "are", "they lack"
		}
		d.wrong("cluster", fmt.Sprintf("%s %s too old: %s %s", theBrokers(lacking[what]), are, lack, what),
			"run Kafka 2.8 or later")
	}
	return len(lacking) > 0
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(keysOf(m)) }
