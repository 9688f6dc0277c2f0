package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// DescribeQuorum of version 1. Kafka 3.4 and later know it, and Sarama does not.
const (
	quorumKey     = 55
	quorumVersion = 1
)

// voterTolerance is how long a controller may not have followed the leader of the controllers. A
// controller follows every half second.
const voterTolerance = 10 * time.Second

// quorumState is the answer of the controllers' leader.
type quorumState struct {
	code   sarama.KError
	leader int32
	// fetched is the time at which each voter has followed last, by the leader's clock in
	// milliseconds; -1 if it has not
	fetched map[int32]int64
}

// quorum asks the brokers who leads the controllers. The brokers ask the controllers themselves. If
// no controller leads, no partition gets another leader.
func (d *diagnosis) quorum(ctx context.Context) {
	const check = "cluster"
	var failed error
	for _, v := range d.answering() {
		if v.speaks.most[quorumKey] < quorumVersion {
			continue
		}
		found, err := d.quorumOf(v.addr)
		switch {
		case err != nil:
		case found.code != sarama.ErrNoError:
			err = found.code
		case found.leader < 0:
			err = errNoLeader
		}
		if err == nil {
			d.voters(found)
			return
		}
		if errors.Is(err, sarama.ErrClusterAuthorizationFailed) {
			d.skip(check, "who leads the controllers, as there is no permission for "+access.Describe+" on the cluster")
			return
		}
		if failed = err; ctx.Err() != nil {
			break
		}
	}
	if failed != nil {
		d.leaderless(failed)
	}
}

// errNoLeader says that a controller knows no leader of the controllers.
var errNoLeader = errors.New("the controllers have no leader")

// leaderless says why nobody tells who leads the controllers. A broker keeps the request until a
// controller that leads answers. So brokers are silent, too, while no controller leads.
func (d *diagnosis) leaderless(err error) {
	const check = "cluster"
	var timeout net.Error
	found := "no controller leads"
	switch {
	case errors.Is(err, errNoLeader), errors.Is(err, sarama.ErrNotController),
		errors.Is(err, sarama.ErrNotLeaderForPartition), errors.Is(err, sarama.ErrLeaderNotAvailable):
	case errors.Is(err, sarama.ErrRequestTimedOut), errors.As(err, &timeout) && timeout.Timeout():
		found = "the brokers do not say in time which controller leads, so probably none does"
	default:
		d.skip(check, "who leads the controllers: "+err.Error())
		return
	}
	d.wrong(check, fmt.Sprintf("%s: no partition gets another leader, topics and settings cannot be changed, "+
		"and what brokers say of leaders and replicas may be from before (%v)", found, err),
		"start controllers until more than half of them run: those of process.roles=controller, "+
			"here perhaps the brokers that do not answer; their logs say what they wait for")
}

// voters looks whether all controllers follow.
func (d *diagnosis) voters(found quorumState) {
	var newest int64
	for _, at := range found.fetched {
		newest = max(newest, at)
	}
	var behind []int32
	down := d.away(d.known()) // other findings name these
	for id, at := range found.fetched {
		if id != found.leader && newest-at > voterTolerance.Milliseconds() && !slices.Contains(down, id) {
			behind = append(behind, id)
		}
	}
	slices.Sort(behind)
	switch {
	case len(behind) == 0 && len(down) > 0:
		d.ok("cluster", "controller %d leads", found.leader)
		return
	case len(behind) == 0:
		d.ok("cluster", "controller %d leads, and all %d controllers follow", found.leader, len(found.fetched))
		return
	}
	who, do, log := "controller ", "does", "its log"
	if len(behind) > 1 {
		who, do, log = "controllers ", "do", "their logs"
	}
	who += idList(behind)
	d.add("cluster", Warning,
		fmt.Sprintf("controller %d leads, and %s, of %d in all, %s not follow", found.leader, who, len(found.fetched),
			do),
		"start "+who+", or look into "+log)
}

func (d *diagnosis) quorumOf(addr string) (quorumState, error) {
	b, err := d.conns.Open(addr, d.sarama)
	if err != nil {
		return quorumState{}, err
	}
	defer func() { _ = b.Close() }()
	const topic = "__cluster_metadata"
	body := []byte{0, 2, byte(len(topic) + 1)} // no tags in the header, one topic
	body = append(append(body, topic...), 2, 0, 0, 0, 0, 0, 0, 0)
	var found quorumState
	err = b.Exchange(quorumKey, quorumVersion, 0, func(a *dial.Answer) error {
		found = decodeQuorum(a)
		a.Drop(a.Left()) // observers
		return a.Err()
	}, body)
	return found, err
}

// decodeQuorum reads the answer up to the observers.
func decodeQuorum(a *dial.Answer) quorumState {
	found := quorumState{fetched: make(map[int32]int64)}
	uvarint(a) // no tags in the header
	if found.code = sarama.KError(a.Int16()); found.code != sarama.ErrNoError {
		return found
	}
	if uvarint(a) != 2 {
		return found
	}
	a.Drop(int64(uvarint(a)) - 1) // the topic's name
	uvarint(a)
	a.Int32()
	if found.code = sarama.KError(a.Int16()); found.code != sarama.ErrNoError {
		return found
	}
	found.leader = a.Int32()
	a.Int32()
	a.Int64()
	for range int64(uvarint(a)) - 1 {
		id := a.Int32()
		a.Int64()
		found.fetched[id] = a.Int64()
		a.Int64()
		uvarint(a)
		if a.Err() != nil {
			break
		}
	}
	return found
}

// uvarint reads a number of Kafka's compact encoding.
func uvarint(a *dial.Answer) uint64 {
	n, _ := binary.ReadUvarint(byteReader{a})
	return n
}

type byteReader struct{ *dial.Answer }

func (r byteReader) ReadByte() (byte, error) {
	var b [1]byte
	err := r.Fill(b[:])
	return b[0], err
}

// A broker's disk should have leastDisk free, and one of diskPart equal parts of its size.
const (
	leastDisk = 1 << 30
	diskPart  = 20
)

// hasRoom tells whether enough of a disk is free. A broker before Kafka 3.3 tells no sizes.
func hasRoom(free, total int64) bool {
	return total <= 0 || free >= leastDisk && free >= total/diskPart
}

// disks asks each broker about the folders of its logs. Kafka 3.3 and later tell the size of the
// disks.
func (d *diagnosis) disks(ctx context.Context) {
	const check = "cluster"
	well := 0
	for _, v := range d.each() {
		if _, known := v.speaks.most[logDirsKey]; !known || ctx.Err() != nil {
			return
		}
		r, err := d.logDirs(v)
		switch {
		case errors.Is(err, sarama.ErrClusterAuthorizationFailed):
			d.skip(check, "the brokers' disks, as there is no permission for "+access.Describe+" on the cluster")
			return
		case err != nil:
			d.add(check, Skipped, fmt.Sprintf("disks of the broker at %s: not looked at: %v", v.addr, err), "")
			continue
		}
		for _, dir := range r.LogDirs {
			switch {
			case dir.ErrorCode != sarama.ErrNoError:
				d.wrong(check, fmt.Sprintf("broker at %s: folder %s is offline: %v", v.addr, dir.Path, dir.ErrorCode),
					"mend the disk, and start the broker again: it takes back no folder while it runs")
			case !hasRoom(dir.UsableBytes, dir.TotalBytes):
				d.add(check, Warning, fmt.Sprintf("broker at %s: %s of %s are free on the disk of folder %s",
					v.addr, megabytes(uint64(dir.UsableBytes)), megabytes(uint64(dir.TotalBytes)), dir.Path),
					"make room: a broker whose disk is full ends, and events are never deleted")
			default:
				well++
			}
		}
	}
	if well > 0 {
		d.ok(check, "%d folders of logs, of all brokers that answer, are online and have room", well)
	}
}

// logDirsKey is DescribeLogDirs. Its version 4 tells the size of the disks.
const (
	logDirsKey     = 35
	logDirsVersion = 4
)

func (d *diagnosis) logDirs(v *view) (*sarama.DescribeLogDirsResponse, error) {
	own := *d.sarama
	own.Version = sarama.V3_3_0_0
	b := sarama.NewBroker(v.addr)
	if err := b.Open(&own); err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	r, err := b.DescribeLogDirs(&sarama.DescribeLogDirsRequest{
		Version:        min(v.speaks.most[logDirsKey], logDirsVersion),
		DescribeTopics: []sarama.DescribeLogDirsRequestTopic{{Topic: d.names[0], PartitionIDs: []int32{0}}},
	})
	if err == nil {
		err = client.ErrorOf(r.ErrorCode)
	}
	return r, err
}
