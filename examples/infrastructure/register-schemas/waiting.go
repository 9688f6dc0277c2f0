package main

import (
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/fencelog/fencelog/schema"
)

// waitingEvery is how often a registry that takes its time is told of.
const waitingEvery = 5 * time.Second

// placeOf names the registry of a URL, without what may be a password.
func placeOf(registry string) string {
	if u, err := url.Parse(registry); err == nil && u.Host != "" {
		return u.Host
	}
	return "that " + schema.EnvRegistryURL + " names"
}

// whileWaiting says at each tick that the registry has not answered all yet, until the returned
// function is called.
func whileWaiting(stderr io.Writer, place string, ticks <-chan time.Time) (over func()) {
	begun, stop := time.Now(), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			select {
			case <-ticks:
				waited := time.Since(begun).Seconds()
				_, _ = fmt.Fprintf(stderr, "register-schemas: waiting for the registry %s (%.0f s)\n", place, waited)
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		telling.Wait()
	}
}
