package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// programVariable makes the test binary run the program.
const programVariable = "FENCELOG_TEST_BILLING"

// patienceForPrograms bounds how long a program may take that is expected to end.
const patienceForPrograms = 3 * time.Minute

// program runs the program in a separate process until it ends. It returns the exit code and what
// the program printed.
func program(t *testing.T, env map[string]string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceForPrograms)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), programVariable+"=1")
	for name, value := range env {
		child.Env = append(child.Env, name+"="+value)
	}
	printed, err := child.CombinedOutput()
	require.NoError(t, ctx.Err(), "it did not end: %s", printed)
	if err != nil {
		var ended *exec.ExitError
		require.ErrorAs(t, err, &ended)
	}
	return child.ProcessState.ExitCode(), string(printed)
}

// A release that cannot start is started again and again. Meanwhile the instance that serves keeps
// its partitions.
func TestStart_thatFailsTakesNothing(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"error_code": 40403, "message": "Schema not found"}`)
	}))
	t.Cleanup(empty.Close)
	faults := map[string]struct{ registry, says string }{
		"the registry is away":           {"http://" + closed.Addr().String(), "refused"},
		"the schemas are not registered": {empty.URL, "schemas register"},
	}
	for name, sharing := range map[string]bool{"alone": false, "sharing": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
			require.NoError(t, err)
			t.Cleanup(cluster.Close)
			env := onFake(t, cluster.ListenAddrs())
			if sharing {
				env[advertiseVariable] = "billing-1:3001"
			}
			healthy, s := launch(t, env, withoutRegistryServer)
			<-s.ready
			healthy.open("alice")

			claims := cluster.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.JoinGroup}, Observe: true,
				Count: -1,
			})
			env[addressVariable] = "127.0.0.1:0"
			if sharing {
				env[advertiseVariable] = "billing-2:3001"
			}
			posted := 0
			for fault, f := range faults {
				env[registryVariable] = f.registry
				for range 2 {
					code, printed := program(t, env)
					require.Equal(t, exitFailed, code, "%s: %s", fault, printed)
					require.Contains(t, printed, f.says, fault)
					posted++
					r := healthy.post(accountsPath+"/alice/credits", fmt.Sprint("topup-", posted),
						postBody(fmt.Sprint("topup-", posted), "1.00"))
					require.Equal(t, http.StatusCreated, r.status, r.text)
					require.Equal(t, http.StatusOK, healthy.do(http.MethodGet, "/readyz", "").status)
				}
			}
			require.Zero(t, claims.Hits(), "nobody claimed or joined")
		})
	}
}
