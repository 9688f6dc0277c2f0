//go:build !unix

package kafkatest

import (
	"errors"
	"os"

	"github.com/fencelog/fencelog/internal/process"
)

// Real brokers need Unix signals and file locks. The package compiles on other systems, so that
// tests on the in-process Kafka run there.

func pauseProcess(*process.Child) error  { return errors.ErrUnsupported }
func resumeProcess(*process.Child) error { return errors.ErrUnsupported }
func tryLock(*os.File) (bool, error)     { return false, errors.ErrUnsupported }
