package kafkatest

import "sync"

// watch notices when processes end that nobody here has killed.
type watch struct {
	first    chan error // holds the first such end
	watchers sync.WaitGroup
}

func newWatch() *watch { return &watch{first: make(chan error, 1)} }

// over waits for the end of p in a goroutine of its own, which ends with p.
func (w *watch) over(p *process) {
	w.watchers.Go(func() {
		<-p.done
		if p.killed.Load() {
			return
		}
		select {
		case w.first <- p.died():
		default: // another was first
		}
	})
}

// close ends the watch once all processes have ended.
func (w *watch) close() {
	w.watchers.Wait()
	close(w.first)
}

// Died receives an error when a broker or the registry ends by itself, or is ended by somebody else: a [*ProcessError] that wraps
// [ErrProcessDied], for the first one that does. What [Cluster.Kill] ends is not told. [Cluster.Stop] closes the channel. Of a
// cluster that was started elsewhere nothing is known: its channel is nil.
func (c *Cluster) Died() <-chan error {
	if c.external() {
		return nil
	}
	return c.watch.first
}
