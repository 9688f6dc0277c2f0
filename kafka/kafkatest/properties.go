package kafkatest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// identity are the settings that give a node its place in the cluster.
func identity(id int, plan portPlan, dataDir string) map[string]string {
	voters := make([]string, len(plan.controllers))
	for i, port := range plan.controllers {
		voters[i] = fmt.Sprintf("%d@%s", i, address(port))
	}
	open := "PLAINTEXT://" + address(plan.brokers[id])
	protocolOf := "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	for _, l := range listeners() {
		if ports := plan.secured[l]; ports != nil {
			open += fmt.Sprintf(",%s://%s", l, address(ports[id]))
			protocolOf += fmt.Sprintf(",%s:%s", l, protocols()[l])
		}
	}
	return map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        strconv.Itoa(id),
		"controller.quorum.voters":       strings.Join(voters, ","),
		"controller.listener.names":      "CONTROLLER",
		"inter.broker.listener.name":     "PLAINTEXT",
		"listeners":                      open + ",CONTROLLER://" + address(plan.controllers[id]),
		"advertised.listeners":           open,
		"listener.security.protocol.map": protocolOf,
		"log.dirs":                       dataDir,
	}
}

// reserved reports whether a property is part of a node's identity, or another name for a part of
// it.
func reserved(name string) bool {
	switch name {
	case "broker.id", "log.dir", "metadata.log.dir", "controller.quorum.bootstrap.servers":
		return true
	}
	_, ok := identity(0, portPlan{brokers: []int{0}, controllers: []int{0}}, "")[name]
	return ok
}

// properties are all settings of node id, with the caller's settings in place of the defaults.
func properties(id int, plan portPlan, dataDir string, extra map[string]string) map[string]string {
	replicas := min(len(plan.brokers), 3)
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

		// Fewer internal partitions come up sooner. Consumers do not wait for others of their
		// group. A starting broker asks sooner whether it may serve.
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
	maps.Copy(p, identity(id, plan, dataDir))
	return p
}

// renderProperties writes settings in the format of Java property files, in a stable order. It
// escapes backslashes, line ends and characters beyond ASCII as that format asks.
func renderProperties(p map[string]string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=", name)
		for _, unit := range utf16.Encode([]rune(escape.Replace(p[name]))) {
			if unit > unicode.MaxASCII {
				fmt.Fprintf(&b, `\u%04x`, unit)
				continue
			}
			b.WriteByte(byte(unit))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
