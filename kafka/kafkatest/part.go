package kafkatest

import (
	"context"
	"errors"
	"fmt"
)

// Part is one process of a cluster: a broker, or the registry. Its methods may be called
// concurrently.
type Part struct {
	cluster *Cluster
	child   *child
	probe   func(context.Context) error // returns why the part is not ready
	place   string                      // where it listens
}

// Parts returns the processes of the cluster: broker-0, broker-1 and so on, and registry if there
// is one. There are none of a cluster that was started elsewhere.
func (c *Cluster) Parts() []Part {
	var parts []Part
	for _, b := range c.brokers {
		parts = append(parts, c.partOf(b, b.id))
	}
	if c.registry != nil {
		parts = append(parts, Part{c, &c.registry.child, c.registry.ready, c.url})
	}
	return parts
}

// partOf returns a broker as a part that is ready when it knows the brokers in want as alive.
func (c *Cluster) partOf(b *broker, want ...int) Part {
	return Part{c, &b.child, func(context.Context) error { return b.ready(want) }, b.address()}
}

// Name returns the part's name, such as "broker-1".
func (p Part) Name() string { return p.child.name }

// Status says in a few words whether the part runs, was stopped, or ended by itself. In the last
// case it also says where the log is.
func (p Part) Status() string { return p.child.status() }

// Start starts the part, which was stopped or has died, with its stored data, and waits until it is
// ready, as [Cluster.Restart] says. It tries once: only the caller starts a part again that dies
// again.
//
// Start fails with
//   - [ErrRunning] if the part runs already;
//   - [ErrPortTaken], [ErrProcessDied] or [ErrStopped];
//   - [ErrNotReady] if ctx is done first. Then the part runs.
func (p Part) Start(ctx context.Context) error {
	if err := p.cluster.launch(p.child); err != nil {
		return err
	}
	ctx, cancel := withDefaultTimeout(ctx, DefaultStartTimeout)
	defer cancel()
	err := p.cluster.patiently(ctx, []Part{p})
	if !errors.Is(err, ErrProcessDied) { // else err tells its end
		p.cluster.tell(p.child)
	}
	return err
}

// Stop ends the part with SIGKILL, paused or not, and waits until it is gone. It does nothing if
// the part does not run.
func (p Part) Stop() error { return p.child.kill() }

// launch starts a part's process unless the cluster is being stopped.
func (c *Cluster) launch(part *child) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return fmt.Errorf("kafkatest: %s: %w", part.name, ErrStopped)
	}
	return part.start()
}

// tell makes Died tell the end of a part that runs, unless the cluster is stopped.
func (c *Cluster) tell(part *child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	part.tell(c.watch)
}
