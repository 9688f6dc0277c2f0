package main

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPorts(t *testing.T) {
	t.Parallel()
	var usage strings.Builder
	o, err := parse([]string{
		"-kafka-ports=1, 2,3", "-metrics-ports=4,5,6", "-registry-port=7", "-lag-port=8",
		"-prometheus-port=9", "-billing-port=10",
	}, &usage)
	require.NoError(t, err)
	require.Equal(t, options{
		kafkaPorts: []int{1, 2, 3}, metricsPorts: []int{4, 5, 6}, registryPort: 7, lagPort: 8, prometheusPort: 9,
		billingPort: 10,
		service:     "examples/billing",
	}, o)

	o, err = parse(nil, &usage)
	require.NoError(t, err)
	require.Equal(t, options{
		kafkaPorts: []int{9092, 9093, 9094}, metricsPorts: []int{9404, 9405, 9406}, registryPort: 8081, lagPort: 9308,
		prometheusPort: 9090, billingPort: 3001, service: "examples/billing",
	}, o)

	o, err = parse([]string{"-free-ports"}, &usage)
	require.NoError(t, err)
	require.Equal(t, options{service: "examples/billing"}, o)
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, says string
		args       []string
		code       int
	}{
		{"two ports", "found 2 ports, expected 3", []string{"-kafka-ports=1,2"}, exitUsage},
		{"no numbers", `"http" is not a port number`, []string{"-metrics-ports=http,1,2"}, exitUsage},
		{"unknown flag", "-free-ports", []string{"-x"}, exitUsage},
		{"an argument", `found the argument "up", expected none`, []string{"up"}, exitUsage},
		{"help", "-free-ports", []string{"-h"}, exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			require.Equal(t, c.code, run(t.Context(), c.args, nil, &stdout, &stderr))
			said, silent := stderr.String(), stdout.String()
			if c.code == exitOK {
				said, silent = silent, said
			}
			require.Contains(t, said, c.says)
			require.Empty(t, silent)
		})
	}
}

// The program names all taken ports in one error, and says what to do. It starts nothing.
func TestPortsThatAreTaken(t *testing.T) {
	t.Parallel()
	var ports []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	var stdout, stderr strings.Builder
	code := run(context.Background(),
		[]string{"-free-ports", "-prometheus-port=" + ports[0], "-kafka-ports=" + ports[1] + ",1,1"}, nil, &stdout,
		&stderr)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr.String(), "port "+ports[0]+", wanted for Prometheus (-prometheus-port): ")
	require.Contains(t, stderr.String(), "port "+ports[1]+", wanted for broker 0 (-kafka-ports): ")
	require.Contains(t, stderr.String(), "port 1 is given for broker 1 and for broker 2")
	require.Contains(t, stderr.String(), "lsof -i :")
	require.Contains(t, stderr.String(), "-free-ports")
	require.NotContains(t, stderr.String(), "building")
}
