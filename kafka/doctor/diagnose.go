package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// diagnoseTime is the time that a broker may take for an answer that needs no other broker.
const diagnoseTime = 3 * time.Second

// Diagnose looks at everything that a store of this configuration needs. Of each thing it says
// whether it is as it must be, what is wrong, and how to mend it. It asks each broker itself. It
// looks at
//   - the cluster, its controllers and its disks;
//   - the topics and their settings;
//   - the permissions, if there are ACLs;
//   - the folder of the index;
//   - the last writer of each partition;
//   - the clock.
//
// One cause is one finding, which names all that it concerns. If something is wrong, Diagnose skips
// what depends on it, and says why. It changes nothing, and takes no partition from its owner. It
// ends early if ctx ends. Brokers that do not answer get a few seconds, and Diagnose tells the
// Logger of Connection which they are.
//
// No finding shows a secret.
func Diagnose(ctx context.Context, cfg kafka.Config) []Finding {
	cfg, err := cfg.Complete()
	if err != nil {
		return []Finding{{Check: "configuration", Verdict: Wrong, Found: err.Error(), Do: "set what is named"}}
	}
	d := &diagnosis{cfg: cfg, sarama: client.Sarama(cfg.Connection)}
	all, _ := cfg.Topics.All() // cfg is complete
	for _, t := range all {
		d.names = append(d.names, t.Name)
	}
	d.sarama.Net.DialTimeout, d.sarama.Net.ReadTimeout = diagnoseTime, diagnoseTime
	d.sarama.Metadata.Retry.Max, d.sarama.Metadata.Timeout = 1, 2*diagnoseTime
	d.conns = dial.Use(d.sarama)
	d.conns.Tell(cfg.Connection.Logger)
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
	cfg      kafka.Config
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
	d.add(check, OK, fmt.Sprintf(format, args...), "")
}

func (d *diagnosis) wrong(check, found, do string) { d.add(check, Wrong, found, do) }

func (d *diagnosis) skip(check, because string) {
	d.add(check, Skipped, "not looked at: "+because, "")
}

// failed adds an error, whose text says what to do.
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
