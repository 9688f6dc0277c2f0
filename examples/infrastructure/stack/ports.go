package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
)

// settlePorts finds free ports for the programs that the stack starts itself. kafkatest finds its
// own, and is told of these.
func (o *options) settlePorts() error {
	used := slices.Concat(o.kafkaPorts, o.metricsPorts,
		[]int{o.registryPort, o.lagPort, o.prometheusPort, o.billingPort})
	for _, port := range []*int{&o.lagPort, &o.prometheusPort, &o.billingPort} {
		if *port != 0 {
			continue
		}
		var err error
		if *port, err = freePort(used...); err != nil {
			return err
		}
		used = append(used, *port)
	}
	return nil
}

// Free ports are from this range. It is below the ports that systems give to outgoing connections.
const lowestPort, highestPort, portTries = 15000, 30000, 1000

// freePort returns a port that nobody listens on and that is none of used.
func freePort(used ...int) (int, error) {
	for range portTries {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if slices.Contains(used, port) {
			continue
		}
		if l, err := net.Listen("tcp", address(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("found no free port between %d and %d in %d tries", lowestPort, highestPort, portTries)
}
