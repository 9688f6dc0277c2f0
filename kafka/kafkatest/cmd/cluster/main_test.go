package main

import (
	"bytes"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want kafkatest.Config
	}{
		{"nothing", nil, kafkatest.Config{Registry: true}},
		{
			"ports say how many",
			[]string{"-ports", "9092, 9093"},
			kafkatest.Config{Registry: true, Brokers: 2, Ports: []int{9092, 9093}},
		},
		{
			"everything",
			[]string{"-version=3.5.1", "-brokers=1", "-ports=9092", "-registry-port=8081", "-dir=data"},
			kafkatest.Config{
				Version: "3.5.1", Brokers: 1, Ports: []int{9092}, Registry: true, RegistryPort: 8081, Dir: "data",
			},
		},
		{"no registry", []string{"-registry=false"}, kafkatest.Config{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var usage bytes.Buffer
			got, err := parse(c.args, &usage)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Empty(t, usage.String())
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	_, err := parse([]string{"-help"}, &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Contains(t, help.String(), "-registry-port port")
	for _, c := range []struct{ arg, says string }{
		{"-ports=http", `"http" is not a port number`},
		{"-ports=", `"" is not a port number`},
		{"start", `cluster: found the argument "start", expected none`},
		{"-colour", "not defined: -colour"},
	} {
		var stdout, stderr bytes.Buffer
		require.ErrorIs(t, run(t.Context(), []string{c.arg}, nil, &stdout, &stderr), errUsage, c.arg)
		require.Contains(t, stderr.String(), c.says)
		require.Contains(t, stderr.String(), help.String())
		require.Empty(t, stdout.String())
	}
}
