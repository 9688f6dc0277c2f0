package line_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// A command may have several commits in the queue. It is known as long as one of them is, and shown
// as long as one is in a line.
func TestCommand_hasSeveralCommits(t *testing.T) { rapid.Check(t, commandsOf) }

func commandsOf(t *rapid.T) {
	q := small(nil)
	queued := make(map[*line.Commit]string) // key and command
	shown := make(map[*line.Commit]bool)
	of := func(key, command string) string { return key + " " + command }
	keys, commands := rapid.SampledFrom([]string{"k", "l"}), rapid.SampledFrom([]string{"X", "Y", ""})
	t.Repeat(map[string]func(*rapid.T){
		"enter": func(t *rapid.T) {
			if len(queued) == 9 {
				return
			}
			key, name := keys.Draw(t, "key"), rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "stream")
			r := recordOf(key + name)
			r.CommandID = commands.Draw(t, "command")
			s, _ := q.Shown(line.Tip{ID: key + name})
			var tips []line.Tip
			if rapid.Bool().Draw(t, "has a tip") && !s.Beside {
				version := int64(0)
				if s.Last != nil {
					version = s.Last.Part(key + name).Last()
				}
				tips = append(tips, line.Tip{ID: key + name, Version: version, Last: s.Last})
			}
			expected := eventstore.Any
			if tips != nil {
				expected = eventstore.Expected(tips[0].Version)
			}
			c := line.New(eventstore.To(stream(key+name), expected, r), tips...)
			require.NoError(t, q.Enter(ended(), c))
			queued[c], shown[c] = of(key, r.CommandID), tips != nil
		},
		"withdraw": func(t *rapid.T) {
			for c := range queued {
				_, err := q.Await(ended(), c)
				require.Error(t, err)
				break
			}
		},
		"": func(t *rapid.T) {
			for c := range queued {
				select {
				case <-c.Done():
					delete(queued, c)
				default:
				}
			}
			for _, key := range []string{"k", "l"} {
				for _, command := range []string{"X", "Y"} {
					known, inLine := false, false
					for c, what := range queued {
						known = known || what == of(key, command)
						inLine = inLine || what == of(key, command) && shown[c]
					}
					found := q.Of(key+"/c", command)
					require.Equal(t, known, found != nil)
					require.True(t, found == nil || queued[found] == of(key, command))
					require.Equal(t, inLine, q.Shows(key+"/c", command))
				}
				require.Nil(t, q.Of(key, ""))
			}
		},
	})
}
