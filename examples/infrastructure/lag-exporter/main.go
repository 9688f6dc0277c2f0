package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2

	headerTimeout = 5 * time.Second
	stopTimeout   = 5 * time.Second
	// maxScrapes bounds the scrapes under way at once; more are answered with 503.
	maxScrapes = 4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	flags := flag.NewFlagSet("lag-exporter", flag.ContinueOnError)
	var usage strings.Builder
	flags.SetOutput(&usage)
	listen := flags.String("listen", "127.0.0.1:9308", "`address` to serve /metrics at")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		_, _ = fmt.Fprintln(&usage, err)
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage.String())
		return exitOK
	case err != nil:
		_, _ = io.WriteString(stderr, usage.String())
		return exitUsage
	}
	if err := serve(ctx, stderr, *listen, getenv("KAFKA_BROKERS")); err != nil {
		fmt.Fprintf(stderr, "lag-exporter: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// serve answers scrapes until ctx is done.
func serve(ctx context.Context, stderr io.Writer, address, brokers string) error {
	if brokers == "" {
		return errors.New("KAFKA_BROKERS is not set, expected addresses such as " +
			"localhost:9092,localhost:9093,localhost:9094")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ClientID("lag-exporter"))
	if err != nil {
		return fmt.Errorf("KAFKA_BROKERS is %q: %w", brokers, err)
	}
	defer client.Close()
	registry := prometheus.NewRegistry()
	if err := registry.Register(&collector{admin: kadm.NewClient(client)}); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w: stop what listens there, or choose another address with -listen", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Fprintf(stderr, "serving http://%s/metrics\n", listener.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err = server.Shutdown(grace)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
