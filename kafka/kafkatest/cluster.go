package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// Cluster is a running Kafka cluster. Its methods may be called concurrently.
//
// Broker n, counted from 0, is the one at Brokers()[n]. Its node id, in Sarama's Broker.ID and in
// Kafka's metadata, is also n.
type Cluster struct {
	brokers  []*broker
	registry *registry // nil without one
	addrs    []string
	url      string
	dir      *runDir       // nil if the cluster was started elsewhere
	kafka    *distribution // nil if the cluster was started elsewhere
	progress *progress.Teller
	watch    *watch

	security     *Security     // nil without
	certificates *certificates // nil without

	mu      sync.Mutex
	stopped bool
	stopErr error
}

// Start starts a cluster and waits until it is ready. Then each broker answers, knows a controller,
// and knows all the others as alive. The registry, if asked for, serves its subjects. The first
// start of a version downloads it, which needs Maven, and for the registry Python with pip.
//
// ctx bounds the start, not the life of the cluster: end that with [Cluster.Stop].
// Without a deadline in ctx, [DefaultDownloadTimeout] and [DefaultStartTimeout] apply.
//
// Start reports all mistakes of cfg at once. Its other errors are [ErrToolMissing],
// [ErrToolFailed], [ErrPortTaken], [ErrDirInUse], [ErrProcessDied] and [ErrNotReady]. Nothing runs
// after an error.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	report := progress.To(cfg.Progress)
	store, err := openCache(report)
	if err != nil {
		return nil, err
	}
	files, err := install(ctx, store, cfg)
	if err != nil {
		return nil, err
	}
	dir, err := openRunDir(ctx, store, cfg)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, progress: report, watch: newWatch(), kafka: files.kafka}
	if err := c.start(ctx, cfg, files); err != nil {
		release := dir.keepLogs
		if errors.Is(ctx.Err(), context.Canceled) { // nobody will want to know why
			release = dir.remove
		}
		return nil, errors.Join(err, c.end(release))
	}
	report.Say("ready after %.1f s", time.Since(begun).Seconds())
	return c, nil
}

// installed has the programs to run.
type installed struct {
	kafka    *distribution
	agent    *agent         // nil without metrics
	registry *registryFiles // nil without a registry
}

// install brings the programs onto this machine.
func install(ctx context.Context, store *cache, cfg Config) (files installed, err error) {
	ctx, cancel := withDefaultTimeout(ctx, DefaultDownloadTimeout)
	defer cancel()
	if files.kafka, err = installKafka(ctx, store, cfg.Version); err != nil {
		return files, err
	}
	if files.agent, err = installAgent(ctx, store, cfg); err != nil {
		return files, err
	}
	if cfg.Registry {
		files.registry, err = installRegistry(ctx, store)
	}
	return files, err
}

// start starts all processes and waits until they are ready.
func (c *Cluster) start(ctx context.Context, cfg Config, files installed) error {
	ctx, cancel := withDefaultTimeout(ctx, DefaultStartTimeout)
	defer cancel()

	clusterID, err := c.dir.clusterID()
	if err != nil {
		return err
	}
	settings, err := c.secure(cfg)
	if err != nil {
		return err
	}
	maps.Copy(settings, cfg.Properties)
	for id := range cfg.Brokers {
		b, err := newBroker(files, c.dir, clusterID, id, settings)
		if err != nil {
			return err
		}
		c.brokers = append(c.brokers, b)
		c.addrs = append(c.addrs, b.address())
	}
	c.progress.Say("starting %d brokers of Kafka %s in %s", cfg.Brokers, cfg.Version, c.dir.data)
	for _, b := range c.brokers {
		if err := b.start(); err != nil {
			return err
		}
	}
	if files.registry != nil {
		c.progress.Say("starting a schema registry, Apicurio %s", registryVersion)
		c.registry = newRegistry(files.registry, c.dir)
		c.url = c.registry.url
		if err := c.registry.start(); err != nil {
			return err
		}
	}
	if err := c.await(ctx); err != nil {
		return err
	}
	return c.addUsers(ctx)
}

// await waits until everything is ready, or returns the first failure.
func (c *Cluster) await(ctx context.Context) error {
	parts := c.Parts()
	for i, b := range c.brokers {
		parts[i] = c.partOf(b, c.ids()...)
	}
	if err := c.patiently(ctx, parts); err != nil {
		return err
	}
	for _, p := range parts {
		p.child.tell(c.watch)
	}
	return nil
}

// patiently waits until parts are ready, or returns the first failure. Now and then it says which
// parts it still waits for.
func (c *Cluster) patiently(ctx context.Context, parts []Part) error {
	waiting := newWaiting(parts)
	defer c.progress.During(waiting.String)()
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range parts {
		group.Go(func() error {
			if err := p.child.await(ctx, p.probe, func(err error) { waiting.because(p.Name(), err) }); err != nil {
				return err
			}
			waiting.done(p.Name())
			c.progress.Say("%s is ready at %s", p.Name(), p.place)
			return nil
		})
	}
	return group.Wait()
}

func (c *Cluster) ids() []int {
	ids := make([]int, len(c.brokers))
	for i := range ids {
		ids[i] = i
	}
	return ids
}

// Brokers returns the bootstrap addresses, in the order of the brokers.
func (c *Cluster) Brokers() []string { return slices.Clone(c.addrs) }

// RegistryURL returns the base URL of the schema registry, below which /subjects is; empty if there
// is none.
func (c *Cluster) RegistryURL() string { return c.url }

// RunDir returns the cluster's folder, which [Cluster.Stop] removes. If this process is killed, the
// next start of a cluster removes it. Callers may put files there that should be removed with it.
// The path is empty if the cluster was started elsewhere.
func (c *Cluster) RunDir() string {
	if c.external() {
		return ""
	}
	return c.dir.own
}

// Kill ends broker n with SIGKILL, paused or not, and waits until it is gone. Data that it had not
// flushed is in the operating system's memory and comes back with [Cluster.Restart]. Kill does
// nothing if the broker does not run.
//
// The others notice after the broker's session time-out, 9 s by default, and take over its
// partitions.
func (c *Cluster) Kill(n int) error {
	b, err := c.broker(n)
	if err != nil {
		return err
	}
	return b.kill()
}

// Restart starts broker n, which was killed or has died, with its data, and waits until it is
// ready. Then it is registered, and in sync in all its partitions that have a leader. Kafka admits
// it only after the session time-out of its former process, 9 s by default. A majority of the
// brokers must run: if all were killed, restart them concurrently.
//
// Restart fails with [ErrRunning] if the broker runs already, with [ErrPortTaken], with
// [ErrProcessDied], and with [ErrNotReady] if ctx is done first. After an error the broker may run
// or not: [Cluster.Kill] makes it certain.
func (c *Cluster) Restart(ctx context.Context, n int) error {
	b, err := c.broker(n)
	if err != nil {
		return err
	}
	return c.partOf(b, n).Start(ctx)
}

// Pause stops broker n with SIGSTOP: it keeps its connections and answers nothing, as in a long
// garbage collection. After the session time-out the others take over its partitions, and the
// paused broker does not know.
func (c *Cluster) Pause(n int) error {
	b, err := c.broker(n)
	if err != nil {
		return err
	}
	return b.pause()
}

// Resume lets broker n go on after [Cluster.Pause]. It does not wait until it is in sync again.
func (c *Cluster) Resume(n int) error {
	b, err := c.broker(n)
	if err != nil {
		return err
	}
	return b.resume()
}

// external reports whether the cluster was started elsewhere.
func (c *Cluster) external() bool { return c.dir == nil }

// broker returns broker n of a cluster that this process started.
func (c *Cluster) broker(n int) (*broker, error) {
	if c.external() {
		return nil, fmt.Errorf("kafkatest: broker %d: %w (%s is set): use ForTest for a cluster of your own", n,
			ErrExternal, EnvBrokers)
	}
	if n < 0 || n >= len(c.brokers) {
		return nil, fmt.Errorf("kafkatest: there is no broker %d: they are 0 to %d", n, len(c.brokers)-1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, fmt.Errorf("kafkatest: broker %d: %w", n, ErrStopped)
	}
	return c.brokers[n], nil
}

// Stop ends all processes at once, waits until they are gone, and removes the data unless it is in
// [Config.Dir]. It does not shut the brokers down in order: a start with the same Dir recovers
// everything. Later calls return the result of the first one.
func (c *Cluster) Stop() error {
	if c.external() {
		return nil
	}
	return c.end(c.dir.remove)
}

// end ends all processes and then calls release for the folder.
func (c *Cluster) end(release func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return c.stopErr
	}
	c.stopped = true
	var group errgroup.Group
	for _, b := range c.brokers {
		group.Go(b.kill)
	}
	if c.registry != nil {
		group.Go(c.registry.kill)
	}
	killed := group.Wait()
	if killed == nil { // else one may live, and with it its watcher
		c.watch.close()
	}
	c.stopErr = errors.Join(killed, release())
	if c.stopErr == nil {
		c.progress.Say("stopped")
	}
	return c.stopErr
}

// withDefaultTimeout bounds ctx unless it has a deadline already.
func withDefaultTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
