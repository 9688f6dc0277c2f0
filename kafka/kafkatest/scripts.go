package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tools are Kafka's own programs by the names of their scripts, with their classes: the present one, and that of Kafka before 3.6 or so.
func tools() map[string][]string {
	return map[string][]string{
		"kafka-acls.sh":                {"org.apache.kafka.tools.AclCommand", "kafka.admin.AclCommand"},
		"kafka-configs.sh":             {"kafka.admin.ConfigCommand"},
		"kafka-reassign-partitions.sh": {"org.apache.kafka.tools.reassign.ReassignPartitionsCommand", "kafka.admin.ReassignPartitionsCommand"},
		"kafka-topics.sh":              {"org.apache.kafka.tools.TopicCommand", "kafka.admin.TopicCommand"},
	}
}

// WriteScripts writes scripts into a folder that exists, which run Kafka's own tools, of the brokers' version, by their usual names: kafka-acls.sh,
// kafka-configs.sh, kafka-reassign-partitions.sh and kafka-topics.sh. With the folder in the PATH, what an operator would type can be tried in a
// test. It fails with [ErrExternal] if the cluster was started elsewhere.
func (c *Cluster) WriteScripts(folder string) error {
	if c.external() {
		return fmt.Errorf("kafkatest: scripts: %w (%s is set): use ForTest for a cluster of your own", ErrExternal, EnvBrokers)
	}
	d := c.kafka
	for name, classes := range tools() {
		var tries []string
		for _, class := range classes {
			line := append([]string{d.java}, d.command(c.dir.tmp, class)...)
			for i, word := range line {
				line[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
			}
			tries = append(tries, strings.Join(line, " ")+` "$@"`)
		}
		script := "#!/bin/sh\nexec " + tries[0] + "\n"
		if len(tries) > 1 { // java fails with 1 if there is no such class; so it is looked for first
			script = fmt.Sprintf("#!/bin/sh\nfor jar in %s/kafka-tools-*.jar; do\n\tif grep -q '%s' \"$jar\"; then exec %s; fi\ndone\nexec %s\n",
				filepath.Join(d.dir, libsDir), strings.ReplaceAll(classes[0], ".", "/"), tries[0], tries[1])
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			return fmt.Errorf("kafkatest: scripts: %w", err)
		}
	}
	return nil
}
