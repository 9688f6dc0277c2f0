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

// Run runs a command that was made with ctx to its end. When ctx ends first, Run kills the program
// and all that this has started, waits until they are gone, and returns the cause of ctx. Like every
// child they die with this process, where the system helps.
//
// The group is what to kill: the command go, for one, leaves its linkers running when it is killed
// alone, and they go on to write.
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

// awaitGroup waits until nobody is left of a group that was killed. Where nobody reaps orphans it
// gives up.
func awaitGroup(leader int) {
	ticker := time.NewTicker(groupLook)
	defer ticker.Stop()
	for until := time.Now().Add(groupGrace); groupRuns(leader) && time.Now().Before(until); {
		<-ticker.C
	}
}
