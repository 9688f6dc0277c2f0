package doctor

// Verdict is what a [Finding] means for a store that is about to open.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning" // a store works; a person should look
	Wrong   Verdict = "wrong"   // a store does not open, or does not append
	Skipped Verdict = "skipped" // Diagnose could not look
)

// Finding is one thing at which [Diagnose] looked.
type Finding struct {
	// Check is the kind of thing: configuration, brokers, cluster, topics, permissions, index,
	// owners or clock.
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Do      string  `json:"do,omitempty"` // how to mend it; empty if it is ok
}

// The variables of the environment that findings name. Package environment reads them.
const (
	brokersVariable     = "KAFKA_BROKERS"
	replicationVariable = "KAFKA_REPLICATION_FACTOR"
)
