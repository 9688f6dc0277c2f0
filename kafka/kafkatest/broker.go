package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// broker is one node: its folder, its settings, and its process while there is one.
type broker struct {
	id     int
	plan   portPlan
	dist   *distribution
	dir    *runDir
	watch  *watch
	config string // path of its properties
	data   string // its data folder
	agent  *agent // nil without metrics

	mu   sync.Mutex
	proc *process // nil if it was killed or never started
}

// newBroker formats the node's data folder and writes its settings.
func newBroker(files installed, dir *runDir, w *watch, clusterID string, id int, extra map[string]string) (*broker, error) {
	b := &broker{
		id: id, plan: dir.plan, dist: files.kafka, dir: dir, watch: w, agent: files.agent,
		config: filepath.Join(dir.data, fmt.Sprintf("broker-%d.properties", id)),
		data:   filepath.Join(dir.data, "data-"+strconv.Itoa(id)),
	}
	if err := b.dist.format(b.data, clusterID, id); err != nil {
		return nil, err
	}
	settings := renderProperties(properties(id, dir.plan, b.data, extra))
	if err := os.WriteFile(b.config, []byte(settings), 0o644); err != nil {
		return nil, fmt.Errorf("kafkatest: %s: %w", b.name(), err)
	}
	return b, nil
}

func (b *broker) name() string { return "broker " + strconv.Itoa(b.id) }

func (b *broker) address() string { return address(b.plan.brokers[b.id]) }

// start starts the process; it does not wait until the broker is ready.
func (b *broker) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runs() {
		return fmt.Errorf("kafkatest: %s: %w", b.name(), ErrRunning)
	}
	if err := checkPort(b.plan.brokers[b.id], b.name()); err != nil {
		return err
	}
	if err := checkPort(b.plan.controllers[b.id], "the controller of "+b.name()); err != nil {
		return err
	}
	args := b.dist.command(b.dir.tmp, "kafka.Kafka", b.config)
	if b.agent != nil {
		port := b.plan.metrics[b.id]
		if err := checkPort(port, "the metrics of "+b.name()); err != nil {
			return err
		}
		args = append([]string{b.agent.option(port)}, args...)
	}
	proc, err := startProcess(spec{
		name: b.name(), path: b.dist.java, args: args,
		dir: b.dir.data, logPath: filepath.Join(b.dir.data, fmt.Sprintf("broker-%d.log", b.id)),
	})
	if err != nil {
		return err
	}
	b.proc = proc
	b.watch.over(proc)
	return nil
}

// runs reports whether there is a process, paused or not. b.mu is held.
func (b *broker) runs() bool {
	if b.proc == nil {
		return false
	}
	select {
	case <-b.proc.done:
		return false
	default:
		return true
	}
}

// process returns the process that was started last, or nil after a kill.
func (b *broker) process() *process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.proc
}

// kill ends the process and waits until it is gone.
func (b *broker) kill() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc == nil {
		return nil
	}
	if err := b.proc.kill(); err != nil {
		return err
	}
	b.proc = nil
	return nil
}

// pause stops the process where it stands.
func (b *broker) pause() error { return b.signal("pause", pauseProcess) }

// resume lets the process go on.
func (b *broker) resume() error { return b.signal("resume", resumeProcess) }

func (b *broker) signal(what string, send func(*os.Process) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.runs() {
		return fmt.Errorf("kafkatest: %s: %s: %w", b.name(), what, ErrNotRunning)
	}
	if err := send(b.proc.cmd.Process); err != nil {
		return fmt.Errorf("kafkatest: %s: %s: %w", b.name(), what, err)
	}
	return nil
}
