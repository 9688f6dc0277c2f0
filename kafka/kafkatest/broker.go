package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// dataPattern matches the data folders of all brokers.
const dataPattern = "data-*"

// broker is one node: the folder, the settings, and the process while there is one.
type broker struct {
	id      int
	address string
	dist    *distribution
	dir     string // of the cluster
	config  string // path of its properties

	mu     sync.Mutex
	proc   *process // nil if killed or never started
	paused bool
}

// newBroker formats the node's data folder and writes its settings.
func newBroker(dist *distribution, dir, clusterID string, id int, l layout, extra map[string]string) (*broker, error) {
	b := &broker{
		id: id, address: address(l.brokers[id]), dist: dist, dir: dir,
		config: filepath.Join(dir, fmt.Sprintf("broker-%d.properties", id)),
	}
	data := filepath.Join(dir, "data-"+strconv.Itoa(id))
	if err := dist.format(data, clusterID, id); err != nil {
		return nil, err
	}
	settings := renderProperties(properties(id, l, data, extra))
	if err := os.WriteFile(b.config, []byte(settings), 0o644); err != nil {
		return nil, fmt.Errorf("kafkatest: %s: %w", b.name(), err)
	}
	return b, nil
}

func (b *broker) name() string { return "broker " + strconv.Itoa(b.id) }

// start starts the process; it does not wait until the broker is ready.
func (b *broker) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive() {
		return fmt.Errorf("kafkatest: %s: %w: it runs already", b.name(), ErrNotRunning)
	}
	proc, err := startProcess(spec{
		name: b.name(), path: b.dist.java, args: b.dist.command("kafka.Kafka", b.config),
		dir: b.dir, logPath: filepath.Join(b.dir, fmt.Sprintf("broker-%d.log", b.id)),
	})
	if err != nil {
		return err
	}
	b.proc, b.paused = proc, false
	return nil
}

// alive reports whether the process runs; b.mu is held.
func (b *broker) alive() bool {
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
	b.proc, b.paused = nil, false
	return nil
}

// pause stops the process where it stands, as a long garbage collection or a
// sleeping machine would.
func (b *broker) pause() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alive() {
		return fmt.Errorf("kafkatest: %s: pause: %w: it does not run", b.name(), ErrNotRunning)
	}
	if err := pauseProcess(b.proc.cmd.Process); err != nil {
		return fmt.Errorf("kafkatest: %s: pause: %w", b.name(), err)
	}
	b.paused = true
	return nil
}

func (b *broker) resume() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alive() {
		return fmt.Errorf("kafkatest: %s: resume: %w: it does not run", b.name(), ErrNotRunning)
	}
	if err := resumeProcess(b.proc.cmd.Process); err != nil {
		return fmt.Errorf("kafkatest: %s: resume: %w", b.name(), err)
	}
	b.paused = false
	return nil
}
