//go:build !unix

package kafkatest

import (
	"errors"
	"os"
	"syscall"
)

// Real brokers need Unix signals and file locks. The package compiles elsewhere
// so that tests on the in-process Kafka run there.

func childAttributes() *syscall.SysProcAttr { return nil }
func killTree(p *os.Process) error          { return p.Kill() }
func pauseProcess(*os.Process) error        { return errors.ErrUnsupported }
func resumeProcess(*os.Process) error       { return errors.ErrUnsupported }
func tryLock(*os.File) (bool, error)        { return false, errors.ErrUnsupported }
