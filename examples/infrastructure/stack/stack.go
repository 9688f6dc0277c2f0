package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// Programs of this module, relative to its root.
const (
	createTopics    = "examples/infrastructure/create-topics"
	registerSchemas = "examples/infrastructure/register-schemas"
	lagExporter     = "examples/infrastructure/lag-exporter"
)

// stack is what runs. It is used by one goroutine.
type stack struct {
	options
	source  source
	dir     string // programs, logs and Prometheus's data; removed at the end
	cluster *kafkatest.Cluster
	running []*process // in the order of their start
}

func newStack(o options) *stack { return &stack{options: o} }

func (s *stack) say(format string, args ...any) { fmt.Fprintf(s.progress, format+"\n", args...) }

// start starts everything and waits until it is healthy. After an error some of it may run: stop ends that.
func (s *stack) start(ctx context.Context) error {
	begun := time.Now()
	if err := s.checkPorts(); err != nil {
		return err
	}
	if err := s.settlePorts(); err != nil {
		return err
	}
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		return errors.New("prometheus is not on the PATH: install Debian's package prometheus, or put a release of Prometheus on the PATH")
	}
	if s.source, err = findSource(ctx); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "fencelog-stack-*"); err != nil {
		return err
	}
	steps := []func(context.Context) error{
		s.build, s.startKafka, s.deploy, s.startLagExporter, s.startBilling,
		func(ctx context.Context) error { return s.startPrometheus(ctx, prometheus) },
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.say("everything is healthy after %.1f s", time.Since(begun).Seconds())
	return nil
}

// stop ends everything, in the opposite order, and removes what it left. It may be called after a start that failed.
func (s *stack) stop() error {
	if s.dir == "" {
		return nil // nothing was started
	}
	s.say("stopping")
	var errs []error
	for _, p := range slices.Backward(s.running) {
		errs = append(errs, p.stop())
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// ended says when a process ends that was not stopped; the cluster tells of its own.
func (s *stack) ended() <-chan error {
	first := make(chan error, len(s.running))
	for _, p := range s.running {
		go func() {
			<-p.done
			first <- p.died()
		}()
	}
	return first
}

func (s *stack) build(ctx context.Context) error {
	programs := []string{createTopics, registerSchemas, lagExporter}
	if s.source.has(s.service) {
		programs = append(programs, s.service)
	}
	s.say("building %s", strings.Join(programs, ", "))
	return s.source.build(ctx, filepath.Join(s.dir, "bin"), programs...)
}

func (s *stack) startKafka(ctx context.Context) error {
	properties, err := s.source.brokerProperties()
	if err != nil {
		return err
	}
	s.cluster, err = kafkatest.Start(ctx, kafkatest.Config{
		Brokers: brokers, Ports: s.kafkaPorts, Properties: properties,
		Registry: true, RegistryPort: s.registryPort,
		MetricsRules: s.source.config("kafka", "jmx-rules.yml"), MetricsPorts: s.metricsPorts,
		Reserved: []int{s.lagPort, s.prometheusPort, s.billingPort},
		Progress: s.progress,
	})
	return err
}

// variables tell the programs where the cluster is.
func (s *stack) variables() []string {
	return []string{
		"KAFKA_BROKERS=" + strings.Join(s.cluster.Brokers(), ","),
		"SCHEMA_REGISTRY_URL=" + s.cluster.RegistryURL(),
	}
}

// environment is this process's own without what it may say of another cluster, such as a login, or of another service.
func (s *stack) environment() []string {
	own := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc([]string{"KAFKA_", "SCHEMA_REGISTRY_", "BILLING_"}, func(prefix string) bool {
			return strings.HasPrefix(variable, prefix)
		})
	})
	return append(own, s.variables()...)
}

// deploy makes the steps that come before a service starts.
func (s *stack) deploy(ctx context.Context) error {
	for _, step := range []struct{ doing, program string }{
		{"creating topics", createTopics},
		{"registering schemas", registerSchemas},
	} {
		s.say("%s", step.doing)
		cmd := exec.CommandContext(ctx, s.program(step.program))
		cmd.Env = s.environment()
		cmd.Stdout, cmd.Stderr = s.progress, s.progress
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return nil
}

func (s *stack) startLagExporter(ctx context.Context) error {
	listen := address(s.lagPort)
	return s.run(ctx, "lag-exporter", s.program(lagExporter), []string{"-listen", listen}, nil, "http://"+listen+"/metrics")
}

func (s *stack) startBilling(ctx context.Context) error {
	if !s.source.has(s.service) {
		s.say("the billing service is not started: this checkout has no program %s", s.service)
		return nil
	}
	listen := address(s.billingPort)
	return s.run(ctx, "billing", s.program(s.service), nil, []string{"BILLING_ADDRESS=" + listen}, "http://"+listen+"/readyz")
}

// program returns the path of a program that was built.
func (s *stack) program(folder string) string {
	return filepath.Join(s.dir, "bin", filepath.Base(folder))
}

// run starts a process and waits until a page of it answers.
func (s *stack) run(ctx context.Context, name, path string, args, env []string, healthy string) error {
	p, err := s.launch(name, path, args, env)
	if err != nil {
		return err
	}
	if err := await(ctx, p, healthy, anything); err != nil {
		return err
	}
	s.say("%s is ready at %s", name, healthy)
	return nil
}

func (s *stack) launch(name, path string, args, env []string) (*process, error) {
	s.say("starting %s", name)
	p, err := startProcess(name, filepath.Join(s.dir, name+".log"), append(s.environment(), env...), path, args...)
	if err == nil {
		s.running = append(s.running, p)
	}
	return p, err
}

// addresses says where everything is, and how a shell tells it to other programs.
func (s *stack) addresses() string {
	billing := "not started: this checkout has no program " + s.service
	if s.source.has(s.service) {
		billing = "http://" + address(s.billingPort)
	}
	var text strings.Builder
	row := func(name, value string) { fmt.Fprintf(&text, "%-17s %s\n", name, value) }
	row("Kafka", strings.Join(s.cluster.Brokers(), " "))
	row("Schema registry", s.cluster.RegistryURL())
	row("Billing service", billing)
	row("Prometheus", s.prometheusURL())
	row("Brokers' metrics", strings.Join(s.cluster.MetricsURLs(), " "))
	row("Groups' lag", "http://"+address(s.lagPort)+"/metrics")
	row("Grafana, Kafka UI", "not started: they are in containers only, see docker-compose.yml")
	text.WriteString("\n")
	for _, variable := range s.variables() {
		text.WriteString("export " + variable + "\n")
	}
	return text.String()
}
