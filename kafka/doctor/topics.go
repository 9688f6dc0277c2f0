package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/topics"
)

// topics looks at the topics and their settings. It makes one finding for each thing that is off,
// and reports whether all topics exist.
func (d *diagnosis) topics(ctx context.Context) bool {
	const check = "topics"
	want, _ := d.cfg.Topics.All() // the configuration is complete
	found, _, err := topics.Inspect(ctx, d.client, want)
	if err != nil {
		d.failed(check, client.Explain(d.cfg.Connection.Security, err))
		return false
	}
	var missing []string
	off := make(map[string][]topics.Status) // by their differences
	for _, t := range found {
		if !t.Exists {
			missing = append(missing, t.Name)
		}
		for kind, text := range kinds(t.Differences) {
			off[kind+text] = append(off[kind+text], t)
		}
		if t.Extra > 0 {
			d.add(check, Warning, fmt.Sprintf("topic %s has %d partitions more than the %d that are configured; "+
				"they are empty",
				t.Name, t.Extra, t.Partitions), "nothing, as Kafka cannot take them away: "+
				"leave the configured number as it is")
		}
	}
	if len(missing) > 0 {
		are := "is"
		if len(missing) > 1 {
			are = "are"
		}
		d.wrong(check, fmt.Sprintf("%s %s missing", topicsNamed(missing), are),
			"create what is missing: fencelog topics create, or topics.Create")
	}
	for _, what := range sortedKeys(off) {
		var names []string
		for _, t := range off[what] {
			names = append(names, t.Name)
		}
		kind, text, _ := strings.Cut(what, "\n")
		d.wrong(check, topicsNamed(names)+": "+text, d.mend(kind, off[what]))
	}
	d.replicas(found)
	return len(missing) == 0
}

// kinds returns the differences as texts, by the way to mend them. Each key ends with a line's end.
// All settings are of one kind.
func kinds(differences []topics.Difference) map[string]string {
	texts := make(map[string]string)
	for _, difference := range differences {
		kind := "settings\n"
		if difference.Property == topics.PartitionCount || difference.Property == topics.ReplicationFactor {
			kind = difference.Property + "\n"
		}
		if texts[kind] != "" {
			texts[kind] += "; "
		}
		texts[kind] += difference.String()
	}
	return texts
}

// mend says how topics that all differ alike get what is wanted.
func (d *diagnosis) mend(kind string, all []topics.Status) string {
	switch kind {
	case topics.PartitionCount:
		return "configure the number that the topic was made with: events would be looked for in the wrong partition"
	case topics.ReplicationFactor:
		return d.reassign(all)
	}
	var settings []string
	for _, difference := range all[0].Differences {
		if difference.Property != topics.PartitionCount && difference.Property != topics.ReplicationFactor {
			want, _, _ := strings.Cut(difference.Want, " ") // "1048588 or more"
			settings = append(settings, difference.Property+"="+want)
		}
	}
	commands := []string{"set it right, or configure the service for what it is if that was meant:"}
	for _, t := range all {
		commands = append(commands, d.tool("kafka-configs.sh")+" --alter --entity-type topics --entity-name "+t.Name+
			" --add-config "+strings.Join(settings, ","))
	}
	return strings.Join(commands, "\n")
}

// tool begins a command for one of Kafka's own tools.
func (d *diagnosis) tool(name string) string {
	command := name + " --bootstrap-server " + d.answering()[0].addr
	if d.cfg.Connection.Security.TLS != nil || d.cfg.Connection.Security.SASL != nil {
		command += " --command-config admin.properties"
	}
	return command
}

// reassign says how topics get the wanted number of replicas, which is no setting. The replicas
// that are there stay, at least the first one, which leads. The brokers with the next numbers get
// the others.
func (d *diagnosis) reassign(all []topics.Status) string {
	var brokers []int32
	for id := range d.named() {
		brokers = append(brokers, id)
	}
	slices.Sort(brokers)
	want := int(d.cfg.Topics.ReplicationFactor)
	if away := d.away(brokers); len(brokers) < want || len(away) > 0 {
		return fmt.Sprintf("start all brokers, %d or more, and ask again: the replicas are then to be moved by "+
			"kafka-reassign-partitions.sh", want)
	}
	var moves []string
	for _, t := range all {
		for _, p := range d.partitions(t.Name) {
			to := slices.Clone(p.Replicas[:min(len(p.Replicas), want)])
			next := slices.Index(brokers, to[0])
			for len(to) < want {
				if next = (next + 1) % len(brokers); !slices.Contains(to, brokers[next]) {
					to = append(to, brokers[next])
				}
			}
			moves = append(moves, fmt.Sprintf(`{"topic":"%s","partition":%d,"replicas":[%s]}`, t.Name, p.ID,
				strings.ReplaceAll(strings.Trim(fmt.Sprint(to), "[]"), " ", ",")))
		}
	}
	return "this is no setting, and kafka-configs.sh cannot change it: assign the replicas anew, or configure " +
		replicationVariable +
		" if it was meant\ncat > replicas.json <<'END'\n{\"version\":1,\"partitions\":[\n" +
		strings.Join(moves, ",\n") +
		"\n]}\nEND\n" + d.tool("kafka-reassign-partitions.sh") + " --reassignment-json-file replicas.json --execute"
}

// partitions returns what the brokers say of a topic's partitions. If their answers differ, the one
// that knows the newest leader counts.
func (d *diagnosis) partitions(topic string) []*sarama.PartitionMetadata {
	newest := make(map[int32]*sarama.PartitionMetadata)
	for _, v := range d.answering() {
		for _, t := range v.metadata.Topics {
			if t.Name != topic {
				continue
			}
			for _, p := range t.Partitions {
				if known := newest[p.ID]; known == nil || p.LeaderEpoch > known.LeaderEpoch {
					newest[p.ID] = p
				}
			}
		}
	}
	var all []*sarama.PartitionMetadata
	for _, id := range sortedKeys(newest) {
		all = append(all, newest[id])
	}
	return all
}

// led reports whether the leader of a partition answers.
func (d *diagnosis) led(p *sarama.PartitionMetadata) bool {
	return p.Leader >= 0 && len(d.away([]int32{p.Leader})) == 0
}

// readable returns those of the topic's first partitions that exist and whose leader answers.
func (d *diagnosis) readable(topic string, first int32) []int32 {
	var all []int32
	for _, p := range d.partitions(topic) {
		if p.ID < first && d.led(p) {
			all = append(all, p.ID)
		}
	}
	return all
}

// unled returns the partitions of the categories whose leader does not answer.
func (d *diagnosis) unled() some {
	unled := make(some)
	for _, g := range d.cfg.Topics.Categories {
		for _, p := range d.partitions(d.cfg.Topics.NameOf(g.Name)) {
			if !d.led(p) {
				unled.add(d.cfg.Topics.NameOf(g.Name), p.ID)
			}
		}
	}
	return unled
}

// replicas looks at the replicas of all partitions. It makes one finding of one cause.
func (d *diagnosis) replicas(all []topics.Status) {
	const check = "topics"
	leaderless, few := make(some), make(map[int]some)
	lacking := make(map[string]some) // by the brokers whose replicas are missing
	of := make(map[string][]int32)
	var needed, more []int32
	for _, t := range all {
		whole := true
		for _, p := range d.partitions(t.Name) {
			away := d.away(p.Replicas)
			lack := slices.DeleteFunc(slices.Clone(p.Replicas), func(id int32) bool {
				return slices.Contains(p.Isr, id) && !slices.Contains(away, id)
			})
			slices.Sort(lack)
			live := len(p.Replicas) - len(lack)
			whole = whole && d.led(p) && len(lack) == 0
			switch {
			case !d.led(p):
				leaderless.add(t.Name, p.ID)
				needed = append(needed, lack...)
			case len(lack) == 0: // if there are too few, the finding about the replication factor says so
			case live < d.cfg.Topics.MinInSyncReplicas:
				if few[live] == nil {
					few[live] = make(some)
				}
				few[live].add(t.Name, p.ID)
				more = append(more, lack...)
			default:
				key := fmt.Sprint(live, len(p.Replicas), lack)
				if lacking[key] == nil {
					lacking[key], of[key] = make(some), lack
				}
				lacking[key].add(t.Name, p.ID)
			}
		}
		switch {
		case !t.Exists || len(t.Differences) > 0:
		case whole:
			d.ok(check, "topic %s is as it must be, %d partitions, all replicas in sync", t.Name, t.Partitions)
		default:
			d.ok(check, "topic %s has the settings that it must have, %d partitions", t.Name, t.Partitions)
		}
	}
	if len(leaderless) > 0 {
		d.wrong(check, fmt.Sprintf("%s no leader that answers: nothing can be read or appended there (%s)",
			leaderless.have(), leaderless),
			d.start(needed))
	}
	for _, live := range sortedKeys(few) {
		d.wrong(check, fmt.Sprintf("%s %d replicas in sync that answer, expected %d or more: appends wait (%s)",
			few[live].have(), live, d.cfg.Topics.MinInSyncReplicas, few[live]), d.start(more))
	}
	for _, key := range sortedKeys(lacking) {
		d.add(check, Warning, fmt.Sprintf("%s not all replicas in sync: those on %s lack (%s)",
			lacking[key].have(), theBrokers(of[key]), lacking[key]), d.start(of[key]))
	}
}

// start says how the replicas on some brokers come back.
func (d *diagnosis) start(ids []int32) string {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if away := d.away(ids); len(away) > 0 {
		return "start " + theBrokers(away) + ", and wait until the replicas there have caught up"
	}
	return "wait for " + theBrokers(ids) + " after a start; otherwise the log there says why the replicas do not follow"
}
