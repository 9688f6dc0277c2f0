//go:build unix && !linux

package kafkatest_test

import "testing"

func needParentDeathSignal(t *testing.T) {
	t.Skip("this system does not end the children of a process that was killed")
}
