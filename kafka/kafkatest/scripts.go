package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tools are Kafka's own programs by the names of their scripts, with their classes. The present
// class is first, and then that of older releases.
func tools() map[string][]string {
	return map[string][]string{
		"kafka-acls.sh":    {"org.apache.kafka.tools.AclCommand", "kafka.admin.AclCommand"},
		"kafka-configs.sh": {"kafka.admin.ConfigCommand"},
		"kafka-reassign-partitions.sh": {
			"org.apache.kafka.tools.reassign.ReassignPartitionsCommand", "kafka.admin.ReassignPartitionsCommand",
		},
		"kafka-topics.sh": {"org.apache.kafka.tools.TopicCommand", "kafka.admin.TopicCommand"},
	}
}

// WriteScripts writes scripts into an existing folder, which run Kafka's own tools in the brokers'
// version. They have their usual names: kafka-acls.sh, kafka-configs.sh,
// kafka-reassign-partitions.sh and kafka-topics.sh. With the folder in the PATH, a test can run the
// commands of an operator. WriteScripts fails with [ErrExternal] if the cluster was started
// elsewhere.
func (c *Cluster) WriteScripts(folder string) error {
	if c.external() {
		return fmt.Errorf("kafkatest: scripts: %w (%s is set): use ForTest for a cluster of your own", ErrExternal,
			EnvBrokers)
	}
	for name, classes := range tools() {
		script := []byte(c.kafka.script(c.dir.tmp, classes))
		if err := os.WriteFile(filepath.Join(folder, name), script, 0o700); err != nil {
			return fmt.Errorf("kafkatest: scripts: %w", err)
		}
	}
	return nil
}

// script returns a shell script that runs the first of the classes that the jar of this
// distribution's tools has. If it has none, the script runs the last one.
func (d *distribution) script(tmp string, classes []string) string {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n")
	last := len(classes) - 1
	for _, class := range classes[:last] {
		fmt.Fprintf(&script, "for jar in %s/kafka-tools-*.jar; do\n\tif grep -q %s \"$jar\"; then exec %s; fi\ndone\n",
			quoted(filepath.Join(d.dir, libsDir)), quoted(strings.ReplaceAll(class, ".", "/")), d.shell(tmp, class))
	}
	fmt.Fprintf(&script, "exec %s\n", d.shell(tmp, classes[last]))
	return script.String()
}

// shell returns the command that runs a class with the arguments of the script.
func (d *distribution) shell(tmp, class string) string {
	words := append([]string{d.java}, d.command(tmp, class)...)
	for i, word := range words {
		words[i] = quoted(word)
	}
	return strings.Join(words, " ") + ` "$@"`
}

// quoted makes a shell take a text as one word.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
