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

// over starts a goroutine that waits for the end of p. It ends once that is told, or with the
// watch.
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
// ended by somebody else. The error is a [*ProcessError] that wraps [ErrProcessDied].
//
// Died does not tell of a part that [Cluster.Kill] or [Part.Stop] ends. Nor does it tell of one
// that ends while [Cluster.Restart] or [Part.Start] waits for it: these return the error.
// [Cluster.Stop] closes the channel. The channel is nil if the cluster was started elsewhere, since
// this process does not see its ends.
func (c *Cluster) Died() <-chan error {
	if c.external() {
		return nil
	}
	return c.watch.deaths
}
