//go:build cluster

package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/process"
	"github.com/fencelog/fencelog/kafka/environment"
)

// checkPrefix shows that all programs use the same topics and subjects in one environment, also
// with another prefix.
func checkPrefix(t *testing.T, s *stack) {
	t.Helper()
	const quickstart = "examples/quickstart"
	dir := t.TempDir()
	require.NoError(t, s.source.build(t.Context(), dir, billingTool, quickstart, billingService))
	env := append(s.environment(), environment.TopicPrefix+"=acme")

	for _, step := range []struct {
		program string
		args    []string
		prints  []string
	}{
		{billingTool, []string{"topics", "create"}, []string{"acme.account.events ", "acme.dead-letter "}},
		{
			billingTool,
			[]string{"schemas", "register"},
			[]string{" acme.account.events-billing.account.AccountCreated\n"},
		},
		{billingTool, []string{"doctor"}, []string{
			"topic acme.account.events is as it must be", "knows the schemas of all", " 0 wrong, ",
		}},
		{quickstart, nil, []string{"AccountCreated"}},
	} {
		// Each step may be repeated, and the doctor warns of a broker that answers late.
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			cmd := exec.Command(filepath.Join(dir, filepath.Base(step.program)), step.args...)
			cmd.Env = env
			output, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s: %s", step.program, output)
			for _, text := range step.prints {
				require.Contains(t, string(output), text)
			}
			for _, warning := range regexp.MustCompile(`(?m)^warning .*`).FindAllString(string(output), -1) {
				require.Contains(t, warning, "are free on the disk of folder", "%s", output) // this machine's
			}
		}, patience, tick)
	}
	port, err := freePort()
	require.NoError(t, err)
	p, err := process.Start(process.Spec{
		Name: "billing", Path: filepath.Join(dir, filepath.Base(billingService)),
		Log: filepath.Join(dir, "billing.log"),
		Env: append(env, "BILLING_ADDRESS="+address(port)),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(stopGrace)) })
	require.NoError(t, await(t.Context(), p, "http://"+address(port)+"/readyz", anything, s.tell))
	_, err = get(t.Context(), "http://"+address(port)+"/v1/accounts/alice")
	require.NoError(t, err, "it serves what the quickstart left")
}
