package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// topics looks at the topics, their settings and their replicas, and reports whether all exist.
func (d *diagnosis) topics(ctx context.Context) bool {
	const check = "topics"
	found, err := CheckTopics(ctx, d.cfg)
	if err != nil {
		d.failed(check, err)
		return false
	}
	all := true
	for _, t := range found {
		if !t.Exists {
			all = false
			d.wrong(check, "topic "+t.Name+" is missing", "create the topics (kafka.CreateTopics, examples/infrastructure/create-topics)")
			continue
		}
		for _, off := range t.Differences {
			do := "set it right (kafka-configs.sh --alter), or configure the service for what it is if that was meant"
			if off.Property == "partitions" {
				do = "configure the number that the topic was made with: events would be looked for in the wrong partition"
			}
			d.wrong(check, fmt.Sprintf("topic %s: %s", t.Name, off), do)
		}
		if t.Extra > 0 {
			d.add(check, VerdictWarning, fmt.Sprintf("topic %s has %d partitions more than the %d that are configured; they are empty",
				t.Name, t.Extra, t.Partitions), "nothing, as Kafka cannot take them away: leave the configured number as it is")
		}
		if d.replicated(ctx, t) && len(t.Differences) == 0 {
			d.ok(check, "topic %s is as it must be, %d partitions, all replicas in sync", t.Name, t.Partitions)
		}
	}
	return all
}

// replicated looks at the replicas of each partition, and reports whether all are in sync.
func (d *diagnosis) replicated(ctx context.Context, t TopicStatus) bool {
	whole := true
	r, err := d.client.metadata(ctx, sarama.NewMetadataRequest(d.sarama.Version, []string{t.Name}))
	if err != nil || len(r.Topics) != 1 {
		d.add("topics", VerdictSkipped, fmt.Sprintf("replicas of topic %s: not looked at: %v", t.Name, err), "try again")
		return false
	}
	for _, p := range r.Topics[0].Partitions {
		who := fmt.Sprintf("topic %s partition %d", t.Name, p.ID)
		switch {
		case p.Leader < 0:
			d.wrong("topics", who+" has no leader: nothing can be read or appended", "start the brokers that have its replicas")
		case len(p.Isr) < d.cfg.MinInSyncReplicas:
			d.wrong("topics", fmt.Sprintf("%s has %d replicas in sync, expected %d or more: appends wait", who, len(p.Isr), d.cfg.MinInSyncReplicas),
				"start the brokers that have the others")
		case len(p.Isr) < len(p.Replicas):
			d.add("topics", VerdictWarning, fmt.Sprintf("%s has %d of %d replicas in sync", who, len(p.Isr), len(p.Replicas)),
				"wait for a broker that has just started; otherwise start the one that is down")
		default:
			continue
		}
		whole = false
	}
	return whole
}

// permissions looks at what ACLs allow. Brokers say it of topics and groups; of transactional ids it shows in the answer to a request that they
// would refuse for another reason, because the producer id in it is nobody's.
func (d *diagnosis) permissions(ctx context.Context) {
	const check = "permissions"
	before := len(d.findings)
	wanted, _ := d.cfg.Topics() // it is complete
	names := make([]string, len(wanted))
	for i, t := range wanted {
		names[i] = t.Name
	}
	request := sarama.NewMetadataRequest(d.sarama.Version, names)
	request.IncludeTopicAuthorizedOperations = true
	r, err := d.client.metadata(ctx, request)
	if err != nil {
		d.failed(check, err)
		return
	}
	for _, t := range r.Topics {
		switch t.Err {
		case sarama.ErrNoError:
			d.allowed(access.Topic, t.Name, t.TopicAuthorizedOperations, access.Read, access.Write, access.DescribeConfigs)
		case sarama.ErrTopicAuthorizationFailed:
			d.allowed(access.Topic, t.Name, 0, access.Read, access.Write, access.DescribeConfigs)
		default:
			d.skip(check, fmt.Sprintf("topic %s: %v", t.Name, t.Err))
		}
	}
	for _, topic := range d.cfg.topicNames() {
		d.mayClaim(ctx, topic)
	}
	if d.cfg.Sharing.on() {
		d.mayShare()
	}
	if len(d.findings) == before {
		group := " (Read on its group, which only instances that share partitions need, was not asked for)"
		if d.cfg.Sharing.on() {
			group = ", Read on the group " + d.cfg.Sharing.Group
		}
		d.ok(check, "all that a store needs: Read, Write and DescribeConfigs on its %d topics, Write on its transactional ids%s", len(names), group)
	}
}

// unknownOperations is what a broker answers that does not say what is allowed.
const unknownOperations = -1 << 31

// allowed compares what a resource allows with what is needed. Bit n stands for the operation with number n.
func (d *diagnosis) allowed(resource, name string, bits int32, needs ...string) {
	if bits == unknownOperations {
		d.add("permissions", VerdictSkipped, fmt.Sprintf("the broker does not say what is allowed on %s %s", resource, name),
			"a store that opens names what it lacks")
		return
	}
	numbers := map[string]sarama.AclOperation{
		access.Read: sarama.AclOperationRead, access.Write: sarama.AclOperationWrite, access.DescribeConfigs: sarama.AclOperationDescribeConfigs,
	}
	for _, operation := range needs {
		if bits&(1<<numbers[operation]) == 0 {
			d.denied(access.Need{Operation: operation, Resource: resource, Name: name})
		}
	}
}

func (d *diagnosis) denied(n access.Need) {
	d.wrong("permissions", "no permission for "+n.String(), aclAdvice)
}

// mayClaim asks with a producer id that nobody has. Brokers look at permissions first.
func (d *diagnosis) mayClaim(ctx context.Context, topic string) {
	id := d.cfg.transactionalID(topic, 0)
	r, err := ask(ctx, d.client, func(b *sarama.Broker) (*sarama.AddPartitionsToTxnResponse, error) {
		return b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 2, TransactionalID: id, ProducerID: -1, ProducerEpoch: -1, TopicPartitions: map[string][]int32{topic: {0}},
		})
	})
	if err != nil {
		d.failed("permissions", err)
		return
	}
	for _, e := range r.Errors[topic] {
		if e.Err == sarama.ErrTransactionalIDAuthorizationFailed {
			d.denied(access.Need{Operation: access.Write, Resource: access.TransactionalID, Name: id})
		}
	}
}

func (d *diagnosis) mayShare() {
	group := d.cfg.Sharing.Group
	need := access.Need{Operation: access.Read, Resource: access.Group, Name: group}
	b, err := d.client.Coordinator(group)
	if err == nil {
		var r *sarama.DescribeGroupsResponse
		r, err = b.DescribeGroups(&sarama.DescribeGroupsRequest{Version: 3, Groups: []string{group}, IncludeAuthorizedOperations: true})
		if err == nil && len(r.Groups) == 1 {
			err = noneIsNil(r.Groups[0].Err)
			if err == nil {
				d.allowed(access.Group, group, r.Groups[0].AuthorizedOperations, access.Read)
				return
			}
		}
	}
	if err != nil {
		d.failed("permissions", access.Explain(err, need))
	}
}

// clockTolerance is how far records may be ahead of this machine's clock.
const clockTolerance = 5 * time.Second

// clock compares the times of the newest records, which services give them, and of the newest markers, which brokers do, with the clock of this
// machine. Brokers do not tell the time, so only a clock that is behind shows.
func (d *diagnosis) clock(ctx context.Context, topicsKnown bool) {
	const check = "clock"
	if !topicsKnown {
		d.skip(check, "topics are missing or cannot be described")
		return
	}
	var newest time.Time
	var where string
	for _, g := range d.cfg.Categories {
		topic := d.cfg.topic(g.Type)
		for p := range g.Partitions {
			t, err := d.newest(ctx, topic, p)
			if err != nil {
				d.failed(check, fmt.Errorf("read the newest record of %s partition %d: %w", topic, p, err))
				return
			}
			if t.After(newest) {
				newest, where = t, fmt.Sprintf("%s partition %d", topic, p)
			}
		}
	}
	now := clock.Now()
	switch ahead := newest.Sub(now); {
	case newest.IsZero():
		d.skip(check, "there is no record yet whose time could be compared")
	case ahead > clockTolerance:
		d.add(check, VerdictWarning, fmt.Sprintf("the newest record, in %s, is %s ahead of this machine's clock", where, ahead.Round(time.Second)),
			"set the clocks by a time server (NTP): this machine's, the brokers' and the other instances'")
	default:
		d.ok(check, "no record is ahead of this machine's clock (the newest is %s old)", (-ahead).Round(time.Second))
	}
}

// newest returns the time of the newest batch, or zero if there is none.
func (d *diagnosis) newest(ctx context.Context, topic string, p int32) (time.Time, error) {
	last, err := d.newestBatch(ctx, topic, p)
	if err != nil || last == nil || last.MaxTimestamp < 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(last.MaxTimestamp), nil
}

// newestBatch returns the newest batch, or nil if there is none.
func (d *diagnosis) newestBatch(ctx context.Context, topic string, p int32) (*recordbatch.Batch, error) {
	end, err := d.client.GetOffset(topic, p, sarama.OffsetNewest)
	if err != nil || end == 0 {
		return nil, err
	}
	log := partition.Log{Client: d.client, Pool: d.client.reading, Topic: topic, Partition: p}
	return log.Newest(ctx, end-1)
}
