package kafkatest

import (
	"sync"

	"github.com/fencelog/fencelog/internal/process"
)

// watch notices when processes end that nobody here has killed.
type watch struct {
	deaths   chan error // one for each such end
	closing  chan struct{}
	watchers sync.WaitGroup
}

func newWatch() *watch {
	return &watch{deaths: make(chan error, maxBrokers+1), closing: make(chan struct{})}
}

// over waits for the end of p in a goroutine of its own, which ends when the end is told, or with
// the watch.
func (w *watch) over(p *process.Child) {
	w.watchers.Go(func() {
		<-p.Done()
		if p.Asked() {
			return
		}
		select {
		case w.deaths <- died(p):
		case <-w.closing:
		}
	})
}

// close ends the watch once all processes have ended.
func (w *watch) close() {
	close(w.closing)
	w.watchers.Wait()
	close(w.deaths)
}

// Died receives an error each time a broker or the registry that was ready ends by itself, or is
// ended by somebody else: a [*ProcessError] that wraps [ErrProcessDied]. What [Cluster.Kill] and
// [Part.Stop] end is not told, nor is what ends while [Cluster.Restart] or [Part.Start] waits for
// it: they return that. [Cluster.Stop] closes the channel. Of a cluster that was started elsewhere
// nothing is known: its channel is nil.
func (c *Cluster) Died() <-chan error {
	if c.external() {
		return nil
	}
	return c.watch.deaths
}
