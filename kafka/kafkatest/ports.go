package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Free ports are sought below the range from which operating systems take the
// ports of outgoing connections. Otherwise a killed broker's port could be taken by a
// client, and even a client that dials it could end up connected to itself.
const (
	lowestPort  = 15000
	highestPort = 30000
	portTries   = 1000
)

// checkPort reports as a [*PortError] that something listens on the port.
func checkPort(port int, use string) error {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return &PortError{Port: port, Use: use, Err: err}
	}
	return l.Close()
}

// freePorts returns n different ports that are free now.
func freePorts(n int, taken ...int) ([]int, error) {
	used := make(map[int]bool)
	for _, port := range taken {
		used[port] = true
	}
	var ports []int
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if used[port] || checkPort(port, "") != nil {
			continue
		}
		used[port] = true
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("kafkatest: no %d free ports among %d tries between %d and %d", n, portTries, lowestPort, highestPort)
}

// portPlan is where everything of one cluster listens.
type portPlan struct {
	layout
	registry   int
	management int // the registry's second listener, which nobody here uses
}

// planPorts checks the ports that the caller chose and finds the others.
func planPorts(cfg Config) (portPlan, error) {
	for i, port := range cfg.Ports {
		if err := checkPort(port, fmt.Sprintf("broker %d", i)); err != nil {
			return portPlan{}, err
		}
	}
	if cfg.RegistryPort != 0 {
		if err := checkPort(cfg.RegistryPort, "the registry"); err != nil {
			return portPlan{}, err
		}
	}
	free, err := freePorts(2*cfg.Brokers+2, cfg.fixedPorts()...)
	if err != nil {
		return portPlan{}, err
	}
	n := cfg.Brokers
	plan := portPlan{
		layout:   layout{brokers: free[:n], controllers: free[n : 2*n]},
		registry: free[2*n], management: free[2*n+1],
	}
	if len(cfg.Ports) != 0 {
		plan.brokers = cfg.Ports
	}
	if cfg.RegistryPort != 0 {
		plan.registry = cfg.RegistryPort
	}
	return plan, nil
}
