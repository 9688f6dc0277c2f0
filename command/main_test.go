package command_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errOf returns the error of a command or an update.
func errOf(_ eventstore.Outcome, err error) error { return err }
