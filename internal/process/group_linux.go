package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupRuns reports whether somebody of the group runs. Whoever has ended, and waits for a parent to
// notice it, does not: in many a container nobody does.
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
