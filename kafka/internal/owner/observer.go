package owner

import (
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// Observer is told what becomes of a claim. Each of its functions may be nil.
type Observer struct {
	Wrote   func(commits, records int, d time.Duration, err error)
	Claimed func(d time.Duration)
	Lost    func(err error)
	Barred  func(d time.Duration, err error)
}

// writing is called before a batch is sent, and the function that it returns is called afterwards.
func (o *Observer) writing(commits, records int) func(error) {
	if o.Wrote == nil {
		return func(error) {}
	}
	start := clock.Reading()
	return func(err error) { o.Wrote(commits, records, time.Since(start), err) }
}

// claiming is called before a claim, and the function that it returns is called after a claim that
// succeeded.
func (o *Observer) claiming() func() {
	if o.Claimed == nil {
		return func() {}
	}
	start := clock.Reading()
	return func() { o.Claimed(time.Since(start)) }
}

// barring is called before a barrier, and the function that it returns is called afterwards.
func (o *Observer) barring() func(error) {
	if o.Barred == nil {
		return func(error) {}
	}
	start := clock.Reading()
	return func(err error) { o.Barred(time.Since(start), err) }
}

func (o *Observer) lost(err error) {
	if o.Lost != nil {
		o.Lost(err)
	}
}
