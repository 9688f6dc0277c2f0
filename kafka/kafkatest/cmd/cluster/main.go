// Command cluster runs a Kafka cluster and a schema registry on this machine, without Docker, until
// it is interrupted.
//
// It prints its progress to standard error. When everything is ready it prints two lines to
// standard output, which tell a shell, and the tests of this module, where the cluster is. When a
// broker or the registry ends by itself, it says so, with the end of the log and its path. The
// others go on. It takes commands from its terminal, and from the named pipe that it prints, see
// [console]:
//
//	status
//	stop broker-1
//	start broker-1
//
// If it ends, by Ctrl-C, SIGTERM or even SIGKILL, every process that it started ends too. The
// command go run passes only Ctrl-C on: send other signals to the process id that is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/kafkatest/console"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	console.KeepInBackground()
	switch err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// errUsage says that the command was called wrongly, and that the user was told so.
var errUsage = errors.New("called wrongly")

// run starts the cluster that args describe and stops it when ctx is done.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var usage strings.Builder
	cfg, err := parse(args, &usage)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(stdout, usage.String())
		return err
	case err != nil:
		fmt.Fprint(stderr, usage.String())
		return errUsage
	}
	cfg.Progress = stderr
	cluster, err := kafkatest.Start(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted while starting; everything is stopped")
		}
		return err
	}
	fmt.Fprintf(stdout, "export %s=%s\n", kafkatest.EnvBrokers, strings.Join(cluster.Brokers(), ","))
	if url := cluster.RegistryURL(); url != "" {
		fmt.Fprintf(stdout, "export %s=%s\n", kafkatest.EnvRegistry, url)
	}
	err = attend(ctx, cluster, stdin, stderr)
	fmt.Fprintln(stderr, "stopping")
	return errors.Join(err, cluster.Stop())
}

// attend takes commands, and tells which parts end by themselves, until ctx is done.
func attend(ctx context.Context, cluster *kafkatest.Cluster, stdin io.Reader, stderr io.Writer) error {
	out := progress.To(stderr)
	c, err := console.New(cluster.RunDir(), out)
	if err != nil {
		return err
	}
	for _, p := range cluster.Parts() {
		c.Add(p)
	}
	c.Read(stdin)
	out.Say("press Ctrl-C to stop, or: kill %d\nto see how the parts are, %s", os.Getpid(), c.Hint("status"))
	var telling sync.WaitGroup
	telling.Go(func() { tell(ctx, c, cluster.Died()) })
	c.Run(ctx)
	telling.Wait()
	return c.Close()
}

// tell tells each death until ctx is done.
func tell(ctx context.Context, c *console.Console, died <-chan error) {
	for {
		select {
		case err := <-died:
			if p := (*kafkatest.ProcessError)(nil); errors.As(err, &p) {
				c.Died(p.Process, err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// parse turns the command line into a configuration. If it fails, it has written to usage what is
// wrong, and how to call the command.
func parse(args []string, usage io.Writer) (kafkatest.Config, error) {
	var cfg kafkatest.Config
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&cfg.Version, "version", "",
		"`release` of Kafka (default "+kafkatest.DefaultVersion+", or $"+kafkatest.EnvVersion+")")
	flags.IntVar(&cfg.Brokers, "brokers", 0, "`number` of brokers (default 3, or as many as -ports)")
	flags.Func("ports", "`ports` of the brokers, separated by commas (default free ones)", func(s string) error {
		ports, err := parsePorts(s)
		cfg.Ports = ports
		return err
	})
	flags.BoolVar(&cfg.Registry, "registry", true, "start a schema registry too")
	flags.IntVar(&cfg.RegistryPort, "registry-port", 0, "`port` of the registry (default a free one)")
	flags.StringVar(&cfg.Dir, "dir", "",
		"`folder` that keeps the data for the next run (default one that is removed at the end)")
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		fmt.Fprintf(usage, "cluster: %v\n", err)
		flags.Usage()
		return cfg, err
	}
	if cfg.Brokers == 0 {
		cfg.Brokers = len(cfg.Ports)
	}
	return cfg, nil
}

func parsePorts(s string) ([]int, error) {
	var ports []int
	for field := range strings.SplitSeq(s, ",") {
		port, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return nil, fmt.Errorf("%q is not a port number", field)
		}
		ports = append(ports, port)
	}
	return ports, nil
}
