package aggregate

import (
	"fmt"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
)

// names returns the names of streams, for people. It leaves out those that a line has no room for.
func names(streams []eventstore.Stream) string {
	const most = 3
	var text strings.Builder
	for i, s := range streams {
		switch {
		case i == most:
			fmt.Fprintf(&text, " and %d more", len(streams)-most)
			return text.String()
		case i > 0:
			text.WriteString(", ")
		}
		text.WriteString(s.String())
	}
	return text.String()
}

// wrote returns the names of the streams that a commit wrote to, for people.
func wrote(result eventstore.Result) string {
	streams := make([]eventstore.Stream, len(result.Streams))
	for i, w := range result.Streams {
		streams[i] = w.Stream
	}
	return names(streams)
}
