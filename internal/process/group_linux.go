package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupRuns reports whether a process of the group runs. A process that has ended and that its
// parent has not reaped does not run: in many a container nobody reaps.
func groupRuns(leader int) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it is gone
		}
		_, after, _ := strings.Cut(string(text), ") ") // state, parent, group
		fields := strings.Fields(after)
		if len(fields) > 2 && fields[0] != "Z" && fields[2] == strconv.Itoa(leader) {
			return true
		}
	}
	return false
}
