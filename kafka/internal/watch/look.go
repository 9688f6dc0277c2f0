package watch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The properties that a watch looks at beside those of a [topics.Difference].
const (
	propertyTopic     = "topic"
	propertyPolicy    = "cleanup.policy" // of a topic's settings
	propertyID        = "topic id"
	propertyBeginning = "beginning of partition "
	propertyReplicas  = "replicas of partition "
	propertyLog       = "log of partition "
)

// costsRecords reports whether records may be gone once the property was not as it must be, though
// it is again.
func costsRecords(property string) bool {
	return property == propertyTopic || property == propertyID || property == propertyPolicy ||
		strings.HasPrefix(property, propertyBeginning) || strings.HasPrefix(property, propertyLog)
}

// advice says what to do about a property.
func advice(property string) string {
	const restored = "stop the service, restore the topic from a copy, and start it with an empty index folder"
	switch {
	case property == propertyTopic:
		return "start the service again only when the topic is there with all its records; " + restored
	case property == propertyID:
		return "somebody has deleted the topic and made it anew; " + restored
	case property == propertyPolicy:
		return "compaction deletes all but the newest record of each aggregate; set it to delete, " +
			"keep the index folder, which still has what is gone, stop the service, and start it with another, " +
			"empty index folder: it reads the whole log then, and says whether records are gone"
	case strings.HasPrefix(property, propertyBeginning):
		return "records before it were deleted; " + restored + ", with retention.ms and retention.bytes at -1"
	case strings.HasPrefix(property, propertyLog):
		return "the topic was compacted for a while, or the brokers have lost records; the index still has them: " +
			"keep its folder, and restore the topic from a copy; until then ReadCategory, subscriptions, " +
			"and every start with a new index fail there"
	case strings.HasPrefix(property, "retention."):
		return "brokers delete old records; set it right at once (kafka-configs.sh --alter)"
	case property == topics.PartitionCount:
		return "a topic's partitions cannot be taken away again; do not change the configuration of the service, " +
			"for events would be looked for in the wrong partition"
	default:
		return "set it right (kafka-configs.sh --alter, kafka-reassign-partitions.sh)"
	}
}

func problem(topic, property, found, want string) topics.Problem {
	return topics.Problem{Topic: topic, Property: property, Found: found, Want: want, Do: advice(property)}
}

// look asks the brokers once, and returns what is not as it must be. It fails if a broker does not
// answer: that is no problem of the topic.
func (w *Watch) look(ctx context.Context) ([]topics.Problem, error) {
	statuses, known, err := topics.Inspect(ctx, w.cfg.Client, w.cfg.Topics)
	if err != nil {
		return nil, client.Explain(w.cfg.Security, err)
	}
	var found []topics.Problem
	for _, s := range statuses {
		m := known[s.Name]
		if m == nil {
			if w.missing[s.Name] { // twice: a broker that has just started may not know it yet
				found = append(found, problem(s.Name, propertyTopic, "missing", "there"))
			}
			w.missing[s.Name] = true
			continue
		}
		delete(w.missing, s.Name)
		for _, d := range s.Differences {
			found = append(found, problem(s.Name, d.Property, d.Found, d.Want))
		}
		found = append(found, w.beside(s, m)...)
	}
	begun, err := w.beginnings(known)
	if err != nil {
		return nil, client.Explain(w.cfg.Security, fmt.Errorf("ask where the partitions begin: %w", err))
	}
	lacking, err := w.patrol.walk(ctx, func(topic string) bool { return known[topic] != nil })
	if err != nil {
		return nil, client.Explain(w.cfg.Security, err)
	}
	return slices.Concat(found, begun, lacking), nil
}

// beside returns the problems that no Difference tells. They are another id, and partitions with
// another number of replicas than the topic must have.
func (w *Watch) beside(s topics.Status, m *sarama.TopicMetadata) (found []topics.Problem) {
	if id, known := w.cfg.IDs[s.Name]; known && id != m.Uuid.String() {
		found = append(found, problem(s.Name, propertyID, m.Uuid.String(), id))
	}
	for _, p := range m.Partitions {
		if n := len(p.Replicas); p.ID > 0 && p.ID < s.Partitions && n != int(s.ReplicationFactor) {
			found = append(found, problem(s.Name, propertyReplicas+strconv.Itoa(int(p.ID)), strconv.Itoa(n),
				strconv.Itoa(int(s.ReplicationFactor))))
		}
	}
	return found
}

// beginnings asks the leader of each partition where it begins, each leader once.
func (w *Watch) beginnings(known map[string]*sarama.TopicMetadata) (found []topics.Problem, err error) {
	requests := make(map[int32]*sarama.OffsetRequest)
	for _, t := range w.cfg.Topics {
		if known[t.Name] == nil {
			continue
		}
		for _, p := range known[t.Name].Partitions {
			if p.ID >= t.Partitions {
				continue
			}
			if p.Leader < 0 {
				return nil, fmt.Errorf("%s partition %d: %w", t.Name, p.ID, sarama.ErrLeaderNotAvailable)
			}
			if requests[p.Leader] == nil {
				requests[p.Leader] = sarama.NewOffsetRequest(w.cfg.Client.Config().Version)
			}
			requests[p.Leader].AddBlock(t.Name, p.ID, sarama.OffsetOldest, 1)
		}
	}
	for leader, request := range requests {
		answer, err := w.askLeader(leader, request)
		if err != nil {
			return nil, err
		}
		for _, t := range w.cfg.Topics {
			for p, block := range answer.Blocks[t.Name] {
				if err := client.ErrorOf(block.Err); err != nil {
					return nil, access.Explain(fmt.Errorf("%s partition %d: %w", t.Name, p, err),
						access.Need{Operation: access.Describe, Resource: access.Topic, Name: t.Name})
				}
				if block.Offset > 0 {
					found = append(found, problem(t.Name, propertyBeginning+strconv.Itoa(int(p)),
						"offset "+strconv.FormatInt(block.Offset, 10), "offset 0"))
				}
			}
		}
	}
	return found, nil
}

func (w *Watch) askLeader(id int32, request *sarama.OffsetRequest) (*sarama.OffsetResponse, error) {
	for _, b := range w.cfg.Client.Brokers() {
		if b.ID() != id {
			continue
		}
		_ = b.Open(w.cfg.Client.Config()) // if it is not; a failure shows in the request
		answer, err := b.GetAvailableOffsets(request)
		if err != nil {
			_ = b.Close() // the next attempt dials again
			return nil, fmt.Errorf("broker %d: %w", id, err)
		}
		return answer, nil
	}
	_ = w.cfg.Client.RefreshMetadata()
	return nil, fmt.Errorf("broker %d, which leads a partition, is not known: %w", id, sarama.ErrBrokerNotFound)
}
