package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// Free ports are sought below the range from which operating systems take the ports of outgoing
// connections. Otherwise a client could get the port of a killed broker. A client that dials that
// port could even connect to itself.
const (
	lowestPort  = 15000
	highestPort = 30000
	portTries   = 1000
)

// portPlan has the ports of one cluster. Broker i has brokers[i] for its clients and controllers[i]
// for the quorum.
type portPlan struct {
	brokers     []int
	controllers []int
	secured     map[Listener][]int // the same for the listeners of Config.Security
	metrics     []int              // empty unless metrics are asked for
	registry    int
	management  int // the registry's second listener, which nobody here uses
	reserved    []int
}

// planPorts takes the ports that the caller chose, and finds free ones for the rest. It avoids
// those in taken.
func planPorts(cfg Config, taken map[int]bool) (portPlan, error) {
	n := cfg.Brokers
	free, err := freePorts((3+len(listeners()))*n+2, cfg.fixedPorts(), taken)
	if err != nil {
		return portPlan{}, err
	}
	next := func() []int {
		ports := free[:n]
		free = free[n:]
		return ports
	}
	plan := portPlan{brokers: next(), controllers: next(), reserved: cfg.Reserved}
	if len(cfg.Ports) != 0 {
		plan.brokers = cfg.Ports
	}
	if cfg.Security != nil {
		plan.secured = make(map[Listener][]int)
		for _, l := range listeners() {
			plan.secured[l] = next()
		}
	}
	if cfg.MetricsRules != "" {
		plan.metrics = next()
	}
	if len(cfg.MetricsPorts) != 0 {
		plan.metrics = cfg.MetricsPorts
	}
	plan.registry, plan.management = free[0], free[1]
	if cfg.RegistryPort != 0 {
		plan.registry = cfg.RegistryPort
	}
	return plan, nil
}

// all returns every port of the plan.
func (p portPlan) all() []int {
	ports := slices.Concat([]int{p.registry, p.management}, p.brokers, p.controllers, p.metrics, p.reserved)
	for _, l := range listeners() {
		ports = append(ports, p.secured[l]...)
	}
	return ports
}

// freePorts returns n different ports that nobody listens on.
func freePorts(n int, fixed []int, taken map[int]bool) ([]int, error) {
	used := make(map[int]bool)
	for _, port := range fixed {
		used[port] = true
	}
	var ports []int
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if used[port] || taken[port] || checkPort(port, "") != nil {
			continue
		}
		used[port] = true
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("kafkatest: found only %d of %d free ports between %d and %d in %d tries",
		len(ports), n, lowestPort, highestPort, portTries)
}

// checkPort returns a [*PortError] if something listens on the port.
func checkPort(port int, use string) error {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return &PortError{Port: port, Use: use, Err: err}
	}
	return l.Close()
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
