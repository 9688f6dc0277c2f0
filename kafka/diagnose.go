package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/index"
)

// Verdict is what a [Finding] means for a store that is to open.
type Verdict string

// The verdicts.
const (
	VerdictOK      Verdict = "ok"
	VerdictWarning Verdict = "warning" // a store works; somebody should look
	VerdictWrong   Verdict = "wrong"   // a store does not open, or does not append
	VerdictSkipped Verdict = "skipped" // could not be looked at
)

// Finding is one thing that [Diagnose] looked at.
type Finding struct {
	Check   string  `json:"check"` // the kind of thing: brokers, cluster, topics, permissions, index, owners, clock
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Do      string  `json:"do,omitempty"` // how to mend it; empty if it is ok
}

// diagnoseTime is how long a broker may take for an answer that needs nothing but itself.
const diagnoseTime = 3 * time.Second

// Diagnose looks at everything that a store of this configuration needs, and says of each thing
// whether it is as it must be, what is wrong, and how to mend it: each broker, which is asked
// itself, the cluster, its controllers and disks, the topics and their settings, the permissions
// (also without ACLs, when all are there), the folder of the index, who wrote last, and the clock.
// It changes nothing, and takes no partition from its owner. What depends on something that is
// wrong is skipped, with the reason. What has one cause is one finding, which names all that it
// concerns. It ends early when ctx does. Brokers that do not answer get a few seconds, and the
// Logger is told which they are.
//
// Nothing in a finding is secret.
func Diagnose(ctx context.Context, cfg Config) []Finding {
	cfg, err := cfg.Complete()
	if err != nil {
		return []Finding{{Check: "configuration", Verdict: VerdictWrong, Found: err.Error(), Do: "set what is named"}}
	}
	d := &diagnosis{cfg: cfg, sarama: client.Sarama(cfg.Connection)}
	all, _ := cfg.Topics.All() // it is complete
	for _, t := range all {
		d.names = append(d.names, t.Name)
	}
	d.sarama.Net.DialTimeout, d.sarama.Net.ReadTimeout = diagnoseTime, diagnoseTime
	d.sarama.Metadata.Retry.Max, d.sarama.Metadata.Timeout = 1, 2*diagnoseTime
	d.conns = dial.Use(d.sarama)
	d.conns.Tell(cfg.Logger)
	defer d.conns.Close()
	defer d.conns.CutWhenDone(ctx)()
	if !d.brokers(ctx) {
		for _, check := range []string{"cluster", "topics", "permissions", "index", "owners", "clock"} {
			d.skip(check, "no broker answers")
		}
		return d.findings
	}
	c, err := d.connect(ctx)
	if err != nil {
		d.wrong("cluster", err.Error(), "see the brokers above")
		return d.findings
	}
	defer c.Disconnect()
	defer c.Conns.CutWhenDone(ctx)()
	d.client = c
	d.cluster(ctx)
	d.lost = d.unled()
	known := d.topics(ctx)
	d.permissions(ctx)
	d.folder(ctx, known)
	d.owners(ctx, known)
	d.clock(ctx, known)
	return d.findings
}

// diagnosis collects findings.
type diagnosis struct {
	cfg      Config
	names    []string // of all topics
	sarama   *sarama.Config
	conns    *dial.Conns
	views    []*view
	client   *client.Client
	lost     some // partitions whose leader does not answer
	findings []Finding
}

// connect connects to the brokers that answer.
func (d *diagnosis) connect(ctx context.Context) (*client.Client, error) {
	cfg, own := d.cfg, *d.sarama
	cfg.Connection.Brokers = nil
	for _, v := range d.answering() {
		cfg.Connection.Brokers = append(cfg.Connection.Brokers, v.addr)
	}
	return client.ConnectWith(ctx, cfg.Connection, cfg.Topics.Names(), &own)
}

func (d *diagnosis) add(check string, v Verdict, found, do string) {
	d.findings = append(d.findings, Finding{Check: check, Verdict: v, Found: found, Do: do})
}

func (d *diagnosis) ok(check, format string, args ...any) {
	d.add(check, VerdictOK, fmt.Sprintf(format, args...), "")
}

func (d *diagnosis) wrong(check, found, do string) { d.add(check, VerdictWrong, found, do) }

func (d *diagnosis) skip(check, because string) {
	d.add(check, VerdictSkipped, "not looked at: "+because, "")
}

// failed adds an error whose text says what to do.
func (d *diagnosis) failed(check string, err error) {
	err = client.Explain(d.cfg.Connection.Security, err)
	var permission *connection.PermissionError
	if errors.As(err, &permission) {
		need := access.Need{Operation: permission.Operation, Resource: permission.Resource, Name: permission.Name}
		d.wrong(check, "no permission for "+need.String(), aclAdvice)
		return
	}
	d.wrong(check, err.Error(), "try again; if it stays, look into the brokers' logs")
}

const aclAdvice = "add an ACL that allows it, see kafka/connection/SECURITY.md"

// folder looks at the index. Without the topics, which cluster it is of is known and not which
// topics.
func (d *diagnosis) folder(ctx context.Context, topicsKnown bool) {
	const check = "index"
	if d.cfg.IndexDir == "" {
		d.ok(check, "in memory: made from Kafka at every start (KAFKA_INDEX_DIR names a folder)")
		return
	}
	if !topicsKnown {
		d.skip(check, "topics are missing or cannot be described")
		return
	}
	ids, err := d.client.IDs(ctx, d.cfg.Topics.Names())
	if err != nil {
		d.failed(check, err)
		return
	}
	id := index.Identity{ClusterID: ids.Cluster, Topics: make(map[string]index.Topic)}
	for _, g := range d.cfg.Topics.Categories {
		topic := d.cfg.Topics.NameOf(g.Name)
		id.Topics[topic] = index.Topic{ID: ids.Topics[topic], Partitions: g.Partitions}
	}
	found, err := index.Inspect(d.cfg.IndexDir, id, d.cfg.Logger)
	var unusable *index.UnusableError
	switch {
	case errors.As(err, &unusable):
		d.wrong(check, "folder "+unusable.Dir+": "+unusable.Found, unusable.Do)
	case err != nil:
		d.failed(check, err)
	case found.InUse:
		d.add(check, VerdictWarning, "folder "+d.cfg.IndexDir+" is in use by another process",
			"if that is this service, all is well; if not, give each instance a folder of its own")
	case found.New:
		d.ok(check, "folder %s has no index yet: the first start makes it", d.cfg.IndexDir)
	case found.Outdated:
		d.ok(check, "folder %s has an index of another format: the next start makes it again", d.cfg.IndexDir)
	default:
		d.ok(check, "folder %s has the index of this cluster, %s", d.cfg.IndexDir, megabytes(found.UsedBytes))
	}
	if err != nil {
		return
	}
	if found.FreeBytes < leastFree {
		d.add(check, VerdictWarning, fmt.Sprintf("%s are free on the disk of folder %s, expected %s or more",
			megabytes(found.FreeBytes), d.cfg.IndexDir, megabytes(leastFree)), "make room, or name a folder on another disk")
		return
	}
	d.ok(check, "%s are free on its disk", megabytes(found.FreeBytes))
}

// leastFree is room for the index to grow and to be rearranged.
const leastFree = 1 << 30

func megabytes(n uint64) string { return fmt.Sprintf("%d MB", n>>20) }
