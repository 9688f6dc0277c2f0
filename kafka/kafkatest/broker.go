package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fencelog/fencelog/internal/process"
)

// broker is one node: its folder, its settings, and its process while there is one.
type broker struct {
	child

	id     int
	ports  portPlan
	data   string // its data folder
	config string // path of its properties
	agent  *agent // nil without metrics
}

// newBroker formats the node's data folder and writes its settings.
func newBroker(files installed, dir *runDir, clusterID string, id int, extra map[string]string) (*broker, error) {
	b := &broker{
		id: id, ports: dir.plan, agent: files.agent,
		config: filepath.Join(dir.data, fmt.Sprintf("broker-%d.properties", id)),
		data:   filepath.Join(dir.data, "data-"+strconv.Itoa(id)),
	}
	b.name = "broker-" + strconv.Itoa(id)
	b.plan = func() (process.Spec, error) { return b.spec(files.kafka, dir) }
	if err := files.kafka.format(b.data, clusterID, id); err != nil {
		return nil, err
	}
	settings := renderProperties(properties(id, dir.plan, b.data, extra))
	if err := os.WriteFile(b.config, []byte(settings), 0o644); err != nil {
		return nil, fmt.Errorf("kafkatest: %s: %w", b.name, err)
	}
	return b, nil
}

func (b *broker) address() string { return address(b.ports.brokers[b.id]) }

// spec returns the program to run. It fails if one of its ports is taken.
func (b *broker) spec(dist *distribution, dir *runDir) (process.Spec, error) {
	if err := checkPort(b.ports.brokers[b.id], b.name); err != nil {
		return process.Spec{}, err
	}
	if err := checkPort(b.ports.controllers[b.id], "the controller of "+b.name); err != nil {
		return process.Spec{}, err
	}
	args := dist.command(dir.tmp, "kafka.Kafka", b.config)
	if b.agent != nil {
		port := b.ports.metrics[b.id]
		if err := checkPort(port, "the metrics of "+b.name); err != nil {
			return process.Spec{}, err
		}
		args = append([]string{b.agent.option(port)}, args...)
	}
	return process.Spec{
		Name: b.name, Path: dist.java, Args: args,
		Dir: dir.data, Log: filepath.Join(dir.data, b.name+".log"),
	}, nil
}
