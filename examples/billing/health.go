package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// health is the answer of /livez and /readyz.
type health struct {
	Status string   `json:"status"`
	Events string   `json:"events,omitempty"` // where they are kept
	Wrong  []string `json:"wrong,omitempty"`
	// Topics says what is wrong with the topics. Somebody must look at it: a restart mends nothing.
	Topics []string `json:"topics,omitempty"`
}

const (
	statusOK       = "ok"
	statusStarting = "starting"
	statusStopping = "stopping"
	statusNotReady = "not ready"
	statusEnded    = "ended"
)

func (h health) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status != statusOK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // if it fails, the prober is gone
}

// maxLag is how many records of another instance's partition may be unread here while this instance
// is ready. The owner can append as many within a second or so.
const maxLag = 10_000

// readiness says whether this instance can serve requests. It can if it has caught up with every
// partition, and if it owns each one or knows the address of its owner.
func readiness(b *backend) health {
	h := health{Status: statusOK, Events: b.name}
	if b.kafka != nil {
		h.Wrong = unready(b.kafka.Status(), b.advertise)
		h.Topics = unhealthy(b.kafka.TopicHealth())
	}
	if len(h.Wrong) > 0 {
		h.Status = statusNotReady
	}
	return h
}

// liveness says whether this instance must be started again. It must if a partition has ended for
// good. The answer also has what mends by itself, which is no reason to start again.
func liveness(b *backend) health {
	h := readiness(b)
	h.Status = statusOK
	if b.kafka != nil && ended(b.kafka.Status()) {
		h.Status = statusEnded
	}
	return h
}

// ended reports whether a partition has ended, which lasts until the instance is started again.
func ended(partitions []kafka.PartitionStatus) bool {
	return slices.ContainsFunc(partitions, func(p kafka.PartitionStatus) bool { return p.Ended })
}

// unready says what is wrong with the partitions. self is the address that this instance
// advertises.
func unready(partitions []kafka.PartitionStatus, self string) []string {
	var wrong []string
	for _, p := range partitions {
		name := fmt.Sprintf("%s partition %d", p.Topic, p.Partition)
		switch {
		case p.Ended:
			wrong = append(wrong, name+" is not followed any more, and this instance must be started "+
				"again once this is mended: "+p.Err.Error())
		case p.Err != nil:
			wrong = append(wrong, name+" is not followed for now: "+p.Err.Error())
		case p.Owned:
		case p.Owner == "":
			wrong = append(wrong, because(name+" is not owned here, and who owns it is not known", p.NotOwned))
		case p.Owner == self:
			wrong = append(wrong, because(name+" is this instance's, which has not claimed it, or has lost it",
				p.NotOwned))
		case p.Lag > maxLag:
			wrong = append(wrong, fmt.Sprintf("%s is %d records behind its owner, %s, expected %d or fewer", name,
				p.Lag, p.Owner, maxLag))
		}
	}
	return wrong
}

// unhealthy says what is wrong with the topics, and since when they could not be looked at.
func unhealthy(t topics.Health) []string {
	var wrong []string
	for _, p := range t.Problems {
		wrong = append(wrong, p.String())
	}
	if t.Err != nil {
		wrong = append(wrong,
			fmt.Sprintf("the topics could not be looked at since %s: %v", t.Looked.Format(time.RFC3339), t.Err))
	}
	return wrong
}

func because(what string, why error) string {
	if why == nil {
		return what
	}
	return what + ": " + why.Error()
}
