package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/fencelog/fencelog/kafka"
)

// health is the answer of /livez and /readyz.
type health struct {
	Status string   `json:"status"`
	Events string   `json:"events,omitempty"` // where they are kept
	Wrong  []string `json:"wrong,omitempty"`
}

const (
	statusOK       = "ok"
	statusStarting = "starting"
	statusStopping = "stopping"
	statusNotReady = "not ready"
)

func (h health) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status != statusOK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // the prober is gone if it fails
}

// maxLag is how many records of a partition that another instance owns may still be unread here: what the owner can append within a second or so.
const maxLag = 10_000

// readiness says whether requests can be served here: every partition is caught up, and owned by this instance or by another one whose address is
// known.
func readiness(b *backend) health {
	h := health{Status: statusOK, Events: b.name}
	if b.kafka != nil {
		h.Wrong = unready(b.kafka.Status(), b.advertise)
	}
	if len(h.Wrong) > 0 {
		h.Status = statusNotReady
	}
	return h
}

// unready says what is wrong with the partitions. self is the address that this instance advertises.
func unready(partitions []kafka.PartitionStatus, self string) []string {
	var wrong []string
	for _, p := range partitions {
		name := fmt.Sprintf("%s partition %d", p.Topic, p.Partition)
		switch {
		case p.Err != nil:
			wrong = append(wrong, name+" is not followed: "+p.Err.Error())
		case p.Owned:
		case p.Owner == "":
			wrong = append(wrong, name+" is not owned here, and who owns it is not known")
		case p.Owner == self:
			wrong = append(wrong, name+" is this instance's, which has not claimed it, or has lost it")
		case p.Lag > maxLag:
			wrong = append(wrong, fmt.Sprintf("%s is %d records behind its owner, %s, expected %d or fewer", name, p.Lag, p.Owner, maxLag))
		}
	}
	return wrong
}
