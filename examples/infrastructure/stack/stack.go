package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/internal/process"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/kafkatest/console"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// Programs of this module, relative to its root.
const (
	billingTool = "examples/infrastructure/billing-tool"
	lagExporter = "examples/infrastructure/lag-exporter"
)

const logExtension = ".log"

// stack is everything that runs. One goroutine uses it, except for programs and console. The parts
// that start at the same time share the other fields, which were set before.
type stack struct {
	options
	tell    *progress.Teller
	source  source
	dir     string // programs, logs and Prometheus's data; removed at the end
	console *console.Console
	cluster *kafkatest.Cluster
	deaths  sync.WaitGroup // of the cluster's parts; ends with it
	silence func()         // ends the execution of commands and waits for that; nil before it begins

	mu       sync.Mutex
	programs []*program // in the order of their start
}

func newStack(o options) *stack { return &stack{options: o, tell: progress.To(o.progress)} }

func (s *stack) say(format string, args ...any) { s.tell.Say(format, args...) }

// start starts everything and waits until it is healthy. Meanwhile it executes commands from stdin
// and from the console's pipe. If it fails, some parts may run: stop ends them.
func (s *stack) start(ctx context.Context, stdin io.Reader) error {
	begun := time.Now()
	if err := s.checkPorts(); err != nil {
		return err
	}
	if err := s.settlePorts(); err != nil {
		return err
	}
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		return errors.New("prometheus is not on the PATH: install Debian's package prometheus, " +
			"or put a release of Prometheus on the PATH")
	}
	if s.source, err = findSource(ctx); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "fencelog-stack-*"); err != nil {
		return err
	}
	if s.console, err = console.New(s.dir, s.tell); err != nil {
		return err
	}
	s.attend(ctx, stdin)
	if err := s.startAll(ctx, prometheus); err != nil {
		return err
	}
	s.say("everything is healthy after %.1f s", time.Since(begun).Seconds())
	return nil
}

// startAll starts parts at the same time if they do not need each other.
func (s *stack) startAll(ctx context.Context, prometheus string) error {
	first, within := errgroup.WithContext(ctx)
	first.Go(func() error { return s.build(within) })
	first.Go(func() error { return s.startKafka(within) })
	if err := first.Wait(); err != nil {
		return err
	}
	if err := s.deploy(ctx); err != nil {
		return err
	}
	services, within := errgroup.WithContext(ctx)
	services.Go(func() error { return s.startLagExporter(within) })
	services.Go(func() error { return s.startBilling(within) })
	services.Go(func() error { return s.startPrometheus(within, prometheus) })
	return services.Wait()
}

// attend executes commands until silence is called.
func (s *stack) attend(ctx context.Context, stdin io.Reader) {
	ctx, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	s.console.Read(stdin)
	running.Go(func() { s.console.Run(ctx) })
	s.silence = func() {
		end()
		running.Wait()
	}
}

// wait says how to go on, and waits until ctx is done.
func (s *stack) wait(ctx context.Context) {
	s.say("press Ctrl-C to stop, or: kill %d\nto see how the parts are, %s", os.Getpid(), s.console.Hint("status"))
	<-ctx.Done()
}

// stop ends everything, the last part first, and removes what the parts left. With keepLogs it
// keeps their logs. It may be called after a start that failed.
func (s *stack) stop(keepLogs bool) error {
	if s.dir == "" {
		return nil // nothing was started
	}
	s.say("stopping")
	if s.silence != nil {
		s.silence()
	}
	var errs []error
	for _, p := range slices.Backward(s.programs) {
		errs = append(errs, p.close())
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Stop())
		s.deaths.Wait()
	}
	if s.console != nil {
		errs = append(errs, s.console.Close())
	}
	return errors.Join(append(errs, s.clear(keepLogs))...)
}

// clear removes the folder, or everything in it except the logs.
func (s *stack) clear(keepLogs bool) error {
	if !keepLogs || len(s.programs) == 0 {
		return os.RemoveAll(s.dir)
	}
	found, err := os.ReadDir(s.dir)
	for _, f := range found {
		if filepath.Ext(f.Name()) != logExtension {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, f.Name())))
		}
	}
	return err
}

func (s *stack) build(ctx context.Context) error {
	programs := []string{billingTool, lagExporter}
	if s.source.has(s.service) {
		programs = append(programs, s.service)
	}
	s.say("building %s", strings.Join(programs, ", "))
	defer s.tell.During(func() string { return "building" })()
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
		Progress: s.tell,
	})
	if err != nil {
		return err
	}
	for _, p := range s.cluster.Parts() {
		s.console.Add(p)
	}
	s.deaths.Go(func() {
		for err := range s.cluster.Died() {
			if p := (*kafkatest.ProcessError)(nil); errors.As(err, &p) {
				s.console.Died(p.Process, err)
			}
		}
	})
	return nil
}

// variables returns the variables that tell the programs where the cluster is.
func (s *stack) variables() []string {
	return []string{
		"KAFKA_BROKERS=" + strings.Join(s.cluster.Brokers(), ","),
		"SCHEMA_REGISTRY_URL=" + s.cluster.RegistryURL(),
	}
}

// environment returns the programs' environment: that of this process, and where the cluster is. It
// leaves out what this process's own says of another cluster, such as a login, or of another
// service.
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
	for _, step := range []struct{ doing, what, do string }{
		{"creating topics", "topics", "create"},
		{"registering schemas", "schemas", "register"},
	} {
		s.say("%s", step.doing)
		cmd := exec.CommandContext(ctx, s.program(billingTool), step.what, step.do)
		cmd.Env = s.environment()
		cmd.Stdout, cmd.Stderr = s.tell, s.tell
		over := s.tell.During(func() string { return step.doing })
		err := cmd.Run()
		over()
		if err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return nil
}

func (s *stack) startLagExporter(ctx context.Context) error {
	listen := address(s.lagPort)
	p := s.newProgram("lag-exporter", s.program(lagExporter), "http://"+listen+"/metrics", "-listen", listen)
	return s.run(ctx, p, nil)
}

func (s *stack) startBilling(ctx context.Context) error {
	if !s.source.has(s.service) {
		s.say("the billing service is not started: this checkout has no program %s", s.service)
		return nil
	}
	listen := address(s.billingPort)
	p := s.newProgram("billing", s.program(s.service), "http://"+listen+"/readyz")
	p.env = append(p.env, "BILLING_ADDRESS="+listen)
	return s.run(ctx, p, nil)
}

// program returns the path of a program that was built.
func (s *stack) program(folder string) string {
	return filepath.Join(s.dir, "bin", filepath.Base(folder))
}

func (s *stack) newProgram(name, path, page string, args ...string) *program {
	return &program{
		name: name, path: path, args: args, env: s.environment(), log: filepath.Join(s.dir, name+logExtension),
		page: page,
		tell: s.tell, console: s.console,
	}
}

// run starts a program, and lets commands name it. further is that of program.start.
func (s *stack) run(ctx context.Context, p *program, further func(context.Context, *process.Child) error) error {
	s.say("starting %s", p.name)
	s.mu.Lock()
	s.programs = append(s.programs, p)
	s.mu.Unlock()
	s.console.Add(p)
	return p.start(ctx, further)
}

// addresses returns where everything is, and the lines by which a shell tells it to other programs.
func (s *stack) addresses(ctx context.Context) string {
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
	row("Targets", s.prometheusPage(ctx, "targets"))
	row("Alerts", s.prometheusPage(ctx, "alerts"))
	row("Brokers' metrics", strings.Join(s.cluster.MetricsURLs(), " "))
	row("Groups' lag", "http://"+address(s.lagPort)+"/metrics")
	row("Grafana, Kafka UI", "not started: they are in containers only, see docker-compose.yml")
	text.WriteString("\n")
	for _, variable := range s.variables() {
		text.WriteString("export " + variable + "\n")
	}
	return text.String()
}
