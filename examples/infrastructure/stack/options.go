package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// options say what to start and where it listens. A port of 0 stands for a free one.
type options struct {
	kafkaPorts     []int // one for each broker
	metricsPorts   []int // of the brokers' metrics, one for each broker
	registryPort   int
	lagPort        int
	prometheusPort int
	billingPort    int
	service        string // package of the billing service, relative to the module's root
	progress       io.Writer
}

const brokers = 3

// billingService is the folder of the program in this module.
const billingService = "examples/billing"

// parse reads the command line. If it fails, it has written to usage what is wrong and how to call
// the program.
func parse(args []string, usage io.Writer) (options, error) {
	o := options{service: billingService}
	flags := flag.NewFlagSet("stack", flag.ContinueOnError)
	flags.SetOutput(usage)
	list := func(target *[]int, name, says string) {
		flags.Func(name, says, func(s string) (err error) {
			*target, err = parsePorts(s)
			return err
		})
	}
	list(&o.kafkaPorts, "kafka-ports", "`ports` of the three brokers (default 9092,9093,9094)")
	list(&o.metricsPorts, "metrics-ports", "`ports` of the brokers' metrics (default 9404,9405,9406)")
	flags.IntVar(&o.registryPort, "registry-port", o.registryPort, "`port` of the schema registry (default 8081)")
	flags.IntVar(&o.lagPort, "lag-port", o.lagPort, "`port` of the lag exporter (default 9308)")
	flags.IntVar(&o.prometheusPort, "prometheus-port", o.prometheusPort, "`port` of Prometheus (default 9090)")
	flags.IntVar(&o.billingPort, "billing-port", o.billingPort, "`port` of the billing service (default 3001)")
	free := flags.Bool("free-ports", false, "take free ports where no other flag gives one")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		fmt.Fprintf(usage, "stack: %v\n", err)
		flags.Usage()
		return o, err
	}
	if !*free {
		o = o.withStandardPorts()
	}
	return o, nil
}

// withStandardPorts returns the options with the ports of docker-compose.yml where none is given.
func (o options) withStandardPorts() options {
	if o.kafkaPorts == nil {
		o.kafkaPorts = []int{9092, 9093, 9094}
	}
	if o.metricsPorts == nil {
		o.metricsPorts = []int{9404, 9405, 9406}
	}
	o.registryPort = cmp.Or(o.registryPort, 8081)
	o.lagPort = cmp.Or(o.lagPort, 9308)
	o.prometheusPort = cmp.Or(o.prometheusPort, 9090)
	o.billingPort = cmp.Or(o.billingPort, 3001)
	return o
}

func parsePorts(s string) ([]int, error) {
	fields := strings.Split(s, ",")
	if len(fields) != brokers {
		return nil, fmt.Errorf("found %d ports, expected %d with commas between them", len(fields), brokers)
	}
	var ports []int
	for _, field := range fields {
		port, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return nil, fmt.Errorf("%q is not a port number", field)
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// checkPorts fails with all ports that are taken, before anything is started.
func (o options) checkPorts() error {
	type use struct {
		port int
		what string
		flag string
	}
	uses := []use{
		{o.registryPort, "the schema registry", "-registry-port"},
		{o.lagPort, "the lag exporter", "-lag-port"},
		{o.prometheusPort, "Prometheus", "-prometheus-port"},
		{o.billingPort, "the billing service", "-billing-port"},
	}
	for i, port := range o.kafkaPorts {
		uses = append(uses, use{port, fmt.Sprintf("broker %d", i), "-kafka-ports"})
	}
	for i, port := range o.metricsPorts {
		uses = append(uses, use{port, fmt.Sprintf("the metrics of broker %d", i), "-metrics-ports"})
	}
	var wrong []string
	taken := make(map[int]string)
	for _, u := range uses {
		if other := taken[u.port]; u.port != 0 && other != "" {
			wrong = append(wrong, fmt.Sprintf("    port %d is given for %s and for %s", u.port, other, u.what))
			continue
		}
		taken[u.port] = u.what
		l, err := net.Listen("tcp", address(u.port))
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("    port %d, wanted for %s (%s): %v", u.port, u.what, u.flag, err))
			continue
		}
		_ = l.Close()
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("ports are taken:\n%s\nstop what listens there (lsof -i :PORT shows it; another stack?), "+
		"choose other ports with the flags named, or take free ones with -free-ports",
		strings.Join(wrong, "\n"))
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
