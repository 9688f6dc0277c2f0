package process

import (
	"context"
	"os/exec"
	"time"
)

const (
	outputGrace = time.Second     // for the output of a killed program to end
	groupGrace  = 2 * time.Second // for those that it had started to be gone
	groupLook   = time.Millisecond
)

// Run runs a command that was made with ctx to its end. If ctx ends first, Run kills the program
// and all that this has started, waits until they are gone, and returns the cause of ctx. On Linux
// they die with this process, as every child does.
//
// Run kills the whole group. The command go, for one, leaves its linkers running when it is killed
// alone, and they go on writing.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	cmd.WaitDelay = outputGrace
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	ended := make(chan error, 1)
	err := Launch(cmd, func(err error) { ended <- err })
	if err == nil {
		err = <-ended
	}
	if err == nil || ctx.Err() == nil {
		return err
	}
	if cmd.Process != nil {
		awaitGroup(cmd.Process.Pid)
	}
	return context.Cause(ctx)
}

// awaitGroup waits until no process is left of a group that was killed. It gives up after
// groupGrace, since some systems reap no orphans.
func awaitGroup(leader int) {
	ticker := time.NewTicker(groupLook)
	defer ticker.Stop()
	for until := time.Now().Add(groupGrace); groupRuns(leader) && time.Now().Before(until); {
		<-ticker.C
	}
}
