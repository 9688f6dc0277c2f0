package rule

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// link is the connection to the leader of one partition, which nothing else uses. A broker serves
// one request of a connection at a time, and an acks=all produce holds it until it is replicated.
// So partitions that shared a connection would wait for each other. The goroutine that uses the
// follower also uses its link. The follower reads on it, and an owner writes on it.
type link struct {
	client    sarama.Client
	topic     string
	partition int32
	broker    *dial.Broker
	verify    func(b *dial.Broker, epoch int32) error // of a new connection, before it is used; nil for none

	newest    int32         // newest leader epoch that the link has heard of
	failures  int           // since the last connection that was verified
	behind    int           // answers in a row in which all brokers know only older epochs than newest
	doubts    int           // answers in a row of the leader that records are gone
	suspected bool          // the log may not hold the offset that was asked for
	config    sarama.Config // the client's, with connections of the link's own
	conns     *dial.Conns
}

func newLink(client sarama.Client, topic string, partition int32) *link {
	l := &link{client: client, topic: topic, partition: partition, config: *client.Config(), newest: -1}
	l.conns = dial.Use(&l.config)
	return l
}

// leader returns the connection to the partition's leader, and opens it if there is none.
func (l *link) leader() (*dial.Broker, error) {
	if l.broker != nil {
		return l.broker, nil
	}
	addr, epoch, err := l.find()
	if err != nil {
		return nil, err
	}
	b, err := l.conns.Open(addr, &l.config)
	if err != nil {
		return nil, err
	}
	l.newest = max(l.newest, epoch)
	if l.verify != nil {
		if err := l.verify(b, epoch); err != nil {
			l.conns.Cut()
			_ = b.Close()
			return nil, err
		}
	}
	l.broker, l.failures, l.behind = b, 0, 0
	return b, nil
}

// askAround is how many failures in a row a moving leader may explain. After them, find asks all
// brokers who leads.
const askAround = 4

// find returns the address of the leader, and its epoch. The epoch is -1 if it is not known.
func (l *link) find() (addr string, epoch int32, err error) {
	if l.failures >= askAround {
		o := log.OfficeOf(l.client, &l.config, l.topic, l.partition)
		if o.Answered == o.Asked && o.Epoch >= 0 && o.Epoch < l.newest { // -1: no broker was asked, as all are away
			l.behind++
		} else {
			l.behind = 0
		}
		if l.behind >= log.MaxDoubts {
			return "", 0, &log.CorruptError{
				Topic: l.topic, Partition: l.partition, Cause: log.ErrLogRewritten,
				Found: fmt.Sprintf("all brokers say that the partition's leader is of epoch %d, "+
					"and this process has heard of epoch %d: the brokers were restored from a copy; "+
					"restart this process, which compares its index with the log",
					o.Epoch, l.newest),
			}
		}
		if o.Addr != "" {
			return o.Addr, o.Epoch, nil
		}
	}
	known, epoch, err := l.client.LeaderAndEpoch(l.topic, l.partition)
	if err != nil {
		return "", 0, err
	}
	return known.Addr(), epoch, nil
}

// ends asks the broker where the log begins and ends. It fails unless the broker is the leader in
// office, as far as is known.
func (l *link) ends(b *dial.Broker, epoch int32) (begin, end int64, err error) {
	if epoch >= 0 && epoch < l.newest {
		return 0, 0, fmt.Errorf("the leader of epoch %d is asked again: there was one of epoch %d", epoch, l.newest)
	}
	return log.Ends(b, l.topic, l.partition, epoch)
}

// believes counts an answer of the leader of an epoch that records are gone. It reports true if
// there were enough such answers, most brokers answer who leads, and the newest of their answers is
// this epoch.
func (l *link) believes(epoch int32) bool {
	if l.doubts++; l.doubts < log.MaxDoubts {
		return false
	}
	o := log.OfficeOf(l.client, &l.config, l.topic, l.partition)
	return 2*o.Answered > o.Asked && o.Epoch == epoch
}

// reset drops the connection and asks for the leader anew.
func (l *link) reset() {
	l.drop()
	l.failures++
	_ = l.client.RefreshMetadata(l.topic) // a failure shows when the leader is asked for
}

func (l *link) drop() {
	if l.broker == nil {
		return
	}
	l.conns.Cut()
	_ = l.broker.Close()
	l.broker = nil
}
