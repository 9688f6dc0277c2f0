package kafkatest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// layout is where the nodes of one cluster listen, by node id.
type layout struct {
	brokers     []int // ports for clients
	controllers []int // ports for the quorum
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// reserved reports whether a property is worked out here and would break the
// cluster if it were replaced.
func reserved(name string) bool {
	switch name {
	case "process.roles", "node.id", "broker.id", "controller.quorum.voters",
		"controller.quorum.bootstrap.servers", "controller.listener.names",
		"listeners", "advertised.listeners", "inter.broker.listener.name",
		"log.dir", "log.dirs", "metadata.log.dir":
		return true
	}
	return false
}

// properties are the settings of node id, with the caller's own on top.
func properties(id int, l layout, dataDir string, extra map[string]string) map[string]string {
	voters := make([]string, len(l.controllers))
	for i, port := range l.controllers {
		voters[i] = fmt.Sprintf("%d@%s", i, address(port))
	}
	replicas := min(len(l.brokers), 3)
	rf, minISR := strconv.Itoa(replicas), strconv.Itoa(max(replicas-1, 1))

	p := map[string]string{
		// Safety as in production: acks=all means a majority.
		"default.replication.factor":               rf,
		"min.insync.replicas":                      minISR,
		"offsets.topic.replication.factor":         rf,
		"transaction.state.log.replication.factor": rf,
		"transaction.state.log.min.isr":            minISR,
		"unclean.leader.election.enable":           "false",
		"auto.create.topics.enable":                "false",
		"log.retention.ms":                         "-1",
		"num.partitions":                           "10",

		// Fewer internal partitions come up sooner; consumers are not kept waiting
		// for others of their group; a starting broker asks sooner whether it may serve.
		"offsets.topic.num.partitions":         "5",
		"transaction.state.log.num.partitions": "5",
		"group.initial.rebalance.delay.ms":     "0",
		"broker.heartbeat.interval.ms":         "500",

		// Small machines: three brokers share it with the tests.
		"num.network.threads":               "2",
		"num.io.threads":                    "4",
		"log.cleaner.dedupe.buffer.size":    "4194304",
		"num.recovery.threads.per.data.dir": "1",
	}
	maps.Copy(p, extra)
	maps.Copy(p, map[string]string{
		"process.roles":              "broker,controller",
		"node.id":                    strconv.Itoa(id),
		"controller.quorum.voters":   strings.Join(voters, ","),
		"controller.listener.names":  "CONTROLLER",
		"inter.broker.listener.name": "PLAINTEXT",
		"listeners": fmt.Sprintf("PLAINTEXT://%s,CONTROLLER://%s",
			address(l.brokers[id]), address(l.controllers[id])),
		"advertised.listeners":           "PLAINTEXT://" + address(l.brokers[id]),
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs":                       dataDir,
	})
	return p
}

// renderProperties writes settings in the format of Java property files, in a
// stable order. Backslashes and line ends are escaped as that format asks.
func renderProperties(p map[string]string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", name, escape.Replace(p[name]))
	}
	return b.String()
}
