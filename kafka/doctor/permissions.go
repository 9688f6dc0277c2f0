package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// permissions looks at what ACLs allow. Brokers tell it for topics and groups, and not for
// transactional ids. For these, permissions sends a request with a producer id that nobody has. If
// the permission is missing, brokers say so. Otherwise they refuse the producer id.
func (d *diagnosis) permissions(ctx context.Context) {
	const check = "permissions"
	before := len(d.findings)
	request := sarama.NewMetadataRequest(d.sarama.Version, d.names)
	request.IncludeTopicAuthorizedOperations = true
	r, err := d.client.Metadata(ctx, request)
	if err != nil {
		d.failed(check, err)
		return
	}
	denied, open := make(denials), make(map[string][]string)
	for _, t := range r.Topics {
		bits := t.TopicAuthorizedOperations
		switch t.Err {
		case sarama.ErrNoError:
		case sarama.ErrTopicAuthorizationFailed:
			bits = 0
		default:
			open[t.Err.Error()] = append(open[t.Err.Error()], t.Name)
			continue
		}
		d.allowed(denied, access.Topic, t.Name, bits, access.Read, access.Write, access.DescribeConfigs)
	}
	for _, why := range sortedKeys(open) {
		d.skip(check, topicsNamed(open[why])+": "+why)
	}
	for _, topic := range d.cfg.Topics.Names() {
		if !d.mayClaim(ctx, denied, topic) {
			break
		}
	}
	if d.cfg.Sharing.Advertise != "" {
		d.mayShare(denied)
	}
	d.tell(denied)
	if len(d.findings) == before {
		group := " (Read on its group, which only instances that share partitions need, was not asked for)"
		if d.cfg.Sharing.Advertise != "" {
			group = ", Read on the group " + d.cfg.Sharing.Group
		}
		d.ok(check, "all that a store needs: Read, Write and DescribeConfigs on its %d topics, "+
			"Write on its transactional ids%s", len(d.names), group)
	}
}

// denials has the operations that are not allowed, by resource and name.
type denials map[string]map[string][]string

func (n denials) add(resource, name, operation string) {
	if n[resource] == nil {
		n[resource] = make(map[string][]string)
	}
	n[resource][name] = append(n[resource][name], operation)
}

// tell makes one finding of all resources of one kind that lack the same operations. The finding
// has the command that allows them.
func (d *diagnosis) tell(denied denials) {
	for _, resource := range []string{access.Topic, access.TransactionalID, access.Group} {
		alike := make(map[string][]string) // names, by operations
		for _, name := range sortedKeys(denied[resource]) {
			key := strings.Join(denied[resource][name], " ")
			alike[key] = append(alike[key], name)
		}
		for _, key := range sortedKeys(alike) {
			operations, names := strings.Fields(key), alike[key]
			plural := ""
			if len(names) > 1 {
				plural = "s"
			}
			d.wrong("permissions", "no permission for "+listed(operations)+" on "+resource+plural+" "+listed(names),
				d.allow(resource, operations, names))
		}
	}
}

// allow returns the command that allows operations.
func (d *diagnosis) allow(resource string, operations, names []string) string {
	command := d.tool("kafka-acls.sh") + " --add --allow-principal " + quoted(d.principal())
	for _, o := range operations {
		command += " --operation " + o
	}
	switch resource {
	case access.Topic:
		for _, name := range names {
			command += " --topic " + name
		}
	case access.TransactionalID: // the ids of all partitions
		command += " --transactional-id " + quoted(d.cfg.TransactionalIDPrefix+".") +
			" --resource-pattern-type prefixed"
	case access.Group:
		command += " --group " + quoted(names[0])
	}
	return "allow it, as somebody who may; kafka/connection/SECURITY.md says what else a service may need:\n" + command
}

// principal is the name by which brokers know this service. A setting of theirs says how they name
// the owner of a certificate.
func (d *diagnosis) principal() string {
	switch {
	case d.cfg.Connection.Security.SASL != nil:
		return "User:" + d.cfg.Connection.Security.SASL.Username
	case d.cfg.Connection.Security.TLS != nil &&
		(len(d.cfg.Connection.Security.TLS.Certificates) > 0 ||
			d.cfg.Connection.Security.TLS.GetClientCertificate != nil):
		return "User:<what the brokers make of the certificate>"
	}
	return "User:ANONYMOUS"
}

// unknownOperations is the answer of a broker that does not say what is allowed.
const unknownOperations = -1 << 31

// allowed compares the operations that a resource allows with those that are needed. Bit n stands
// for the operation with number n.
func (d *diagnosis) allowed(denied denials, resource, name string, bits int32, needs ...string) {
	if bits == unknownOperations {
		const found = "not looked at: the broker does not say what is allowed on the topics and the group"
		if !slices.ContainsFunc(d.findings, func(f Finding) bool { return f.Found == found }) {
			d.add("permissions", Skipped, found, "a store that opens names what it lacks")
		}
		return
	}
	numbers := map[string]sarama.AclOperation{
		access.Read: sarama.AclOperationRead, access.Write: sarama.AclOperationWrite,
		access.DescribeConfigs: sarama.AclOperationDescribeConfigs,
	}
	for _, operation := range needs {
		if bits&(1<<numbers[operation]) == 0 {
			denied.add(resource, name, operation)
		}
	}
}

// mayClaim asks with a producer id that nobody has, because brokers look at permissions first. It
// reports whether there was an answer.
func (d *diagnosis) mayClaim(ctx context.Context, denied denials, topic string) bool {
	id := d.cfg.TransactionalID(topic, 0)
	r, err := client.Ask(ctx, d.client, func(b *sarama.Broker) (*sarama.AddPartitionsToTxnResponse, error) {
		return b.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 2, TransactionalID: id, ProducerID: -1, ProducerEpoch: -1,
			TopicPartitions: map[string][]int32{topic: {0}},
		})
	})
	if err != nil {
		d.failed("permissions", err)
		return false
	}
	for _, e := range r.Errors[topic] {
		if e.Err == sarama.ErrTransactionalIDAuthorizationFailed {
			denied.add(access.TransactionalID, id, access.Write)
		}
	}
	return true
}

func (d *diagnosis) mayShare(denied denials) {
	group := d.cfg.Sharing.Group
	need := access.Need{Operation: access.Read, Resource: access.Group, Name: group}
	b, err := d.client.Coordinator(group)
	if err == nil {
		var r *sarama.DescribeGroupsResponse
		r, err = b.DescribeGroups(&sarama.DescribeGroupsRequest{
			Version: 3, Groups: []string{group},
			IncludeAuthorizedOperations: true,
		})
		if err == nil && len(r.Groups) == 1 {
			err = client.ErrorOf(r.Groups[0].Err)
			if err == nil {
				d.allowed(denied, access.Group, group, r.Groups[0].AuthorizedOperations, access.Read)
				return
			}
		}
	}
	switch err = access.Explain(err, need); {
	case errors.Is(err, sarama.ErrGroupAuthorizationFailed):
		denied.add(access.Group, group, access.Read)
	case err != nil:
		d.failed("permissions", err)
	}
}
