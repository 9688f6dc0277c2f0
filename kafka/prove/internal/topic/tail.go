package topic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Log takes what a topic holds. Its caller adds the records of a partition, and the markers, in
// offset order.
type Log interface{ Add(r history.Record) }

// Tail follows a topic from its beginning.
type Tail struct {
	topic      string
	partitions int32
	client     *kgo.Client
	log        Log
	group      sync.WaitGroup
	stop       context.CancelFunc

	mu    sync.Mutex
	moved chan struct{}   // closed when something was read
	next  map[int32]int64 // offset after the last record of each partition
	bad   []string        // records that cannot be read
}

// Follow consumes the topic, only committed records, and adds them to log, until ctx ends or Close
// is called.
func Follow(ctx context.Context, brokers []string, topic string, partitions int32, log Log) (*Tail, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // to know that the end is reached, as the last record may be a marker
		kgo.FetchMaxWait(500*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("consume %s: %w", topic, err)
	}
	ctx, stop := context.WithCancel(ctx)
	t := &Tail{
		topic: topic, partitions: partitions, client: client, log: log, stop: stop,
		moved: make(chan struct{}), next: make(map[int32]int64),
	}
	t.group.Go(func() { t.run(ctx) })
	return t, nil
}

// Close ends consuming.
func (t *Tail) Close() {
	t.stop()
	t.group.Wait()
	t.client.Close()
}

// Bad returns the records of the topic that are no events.
func (t *Tail) Bad() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.bad...)
}

func (t *Tail) run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := t.client.PollFetches(ctx)
		if fetches.IsClientClosed() {
			return
		}
		t.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			t.next[r.Partition] = r.Offset + 1
			rec, err := decode(r)
			if err != nil {
				t.bad = append(t.bad, err.Error())
				return
			}
			t.log.Add(rec)
		})
		close(t.moved)
		t.moved = make(chan struct{})
		t.mu.Unlock()
	}
}

// CatchUp waits until Tail has read everything that the topic holds now.
func (t *Tail) CatchUp(ctx context.Context) error {
	for {
		ends, err := t.ends(ctx)
		if err == nil {
			return t.await(ctx, ends)
		}
		if stopped := clock.Wait(ctx, 200*time.Millisecond); stopped != nil {
			return fmt.Errorf("ends of %s: %w: %w", t.topic, stopped, err)
		}
	}
}

func (t *Tail) await(ctx context.Context, ends map[int32]int64) error {
	for {
		moved, behind := t.behind(ends)
		if behind == "" {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%s: %s: %w", t.topic, behind, context.Cause(ctx))
		}
	}
}

// behind says which partition was not read up to its end, or "" if all were. moved is closed when
// more is read.
func (t *Tail) behind(ends map[int32]int64) (moved <-chan struct{}, which string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, end := range ends {
		if t.next[p] < end {
			return t.moved, fmt.Sprintf("partition %d is read up to %d of %d", p, t.next[p], end)
		}
	}
	return t.moved, ""
}

// ends asks for the offset after the last record of each partition.
func (t *Tail) ends(ctx context.Context) (map[int32]int64, error) {
	asked := kmsg.NewListOffsetsRequestTopic()
	asked.Topic = t.topic
	for p := range t.partitions {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = p, -1
		asked.Partitions = append(asked.Partitions, partition)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	request.Topics = append(request.Topics, asked)
	ends := make(map[int32]int64)
	for _, shard := range t.client.RequestSharded(ctx, request) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				if p.ErrorCode != 0 {
					return nil, fmt.Errorf("partition %d: error code %d", p.Partition, p.ErrorCode)
				}
				ends[p.Partition] = p.Offset
			}
		}
	}
	if len(ends) != int(t.partitions) {
		return nil, errors.New("not every partition has answered")
	}
	return ends, nil
}

// decode reads the record headers that other programs may rely on (kafka/WIRE.md).
func decode(r *kgo.Record) (history.Record, error) {
	out := history.Record{Partition: r.Partition, Offset: r.Offset, ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}
	out.Transactional = r.Attrs.IsTransactional()
	if r.Attrs.IsControl() {
		out.Marker = true
		if len(r.Value) < 6 { // a version of two bytes, and the coordinator's epoch
			return out, fmt.Errorf("%s/%d offset %d: a marker of %d bytes, expected 6", r.Topic, r.Partition, r.Offset,
				len(r.Value))
		}
		out.Committed = len(r.Key) >= 4 && binary.BigEndian.Uint16(r.Key[2:]) == 1
		out.Coordinator = int32(binary.BigEndian.Uint32(r.Value[2:]))
		return out, nil
	}
	if err := decodeEvent(r, &out); err != nil {
		return out, fmt.Errorf("%s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return out, nil
}

// decodeEvent reads what the record says of its event.
func decodeEvent(r *kgo.Record, out *history.Record) error {
	out.Stream, out.Value = string(r.Key), string(r.Value)
	var errs []error
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		errs = append(errs, err)
		return n
	}
	for _, h := range r.Headers {
		v := string(h.Value)
		switch h.Key {
		case "eventId":
			out.Event = v
		case "commandId":
			out.Command = v
		case "commandDigest":
			out.Digest = v
		case "aggregateVersion":
			out.Version = number(v)
		case "commitFirst":
			out.First = number(v)
		case "commitLength":
			out.Length = int(number(v))
		case "commitIndex":
			out.Index = int(number(v))
		case "commitSize":
			out.Size = int(number(v))
		case "timestamp":
			t, err := time.Parse(time.RFC3339Nano, v)
			out.Time, errs = t, append(errs, err)
		}
	}
	if out.Event == "" || out.Stream == "" || len(r.Value) == 0 {
		errs = append(errs, fmt.Errorf("key %q, event id %q, value %q", r.Key, out.Event, r.Value))
	}
	return errors.Join(errs...)
}
