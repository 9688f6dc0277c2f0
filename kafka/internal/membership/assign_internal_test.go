package membership

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func partitions(topic string, n int) []Partition {
	ps := make([]Partition, n)
	for i := range ps {
		ps[i] = Partition{Topic: topic, ID: int32(i)}
	}
	return ps
}

// However members come and go, each partition has one owner among those who can own it, the loads are even where all can
// own all, and no more partitions move than that takes.
func TestSharingIsEvenAndMovesLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := slices.Concat(partitions("a", rapid.IntRange(1, 12).Draw(t, "a")), partitions("b", rapid.IntRange(0, 5).Draw(t, "b")))
		members := map[string]metadata{}
		next := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if len(members) == 0 || rapid.Bool().Draw(t, "joins") {
				members[strconv.Itoa(next)] = metadata{Partitions: all}
				next++
			} else {
				delete(members, rapid.SampledFrom(slices.Sorted(maps.Keys(members))).Draw(t, "leaves"))
			}
			if len(members) == 0 {
				continue
			}
			owners := assign(members)
			require.Equal(t, owners, assign(members), "the same members get the same answer")
			require.Len(t, owners, len(all))
			load := map[string]int{}
			for _, id := range owners {
				load[id]++
			}
			least, most := len(all)/len(members), (len(all)+len(members)-1)/len(members)
			kept, had := 0, 0
			for id, about := range members {
				require.GreaterOrEqual(t, load[id], least)
				require.LessOrEqual(t, load[id], most)
				had += len(about.Owned)
				for _, p := range about.Owned {
					if owners[p] == id {
						kept++
					}
				}
			}
			over := 0 // who has more than its part gives that away, and nobody gives away more
			for _, about := range members {
				over += max(0, len(about.Owned)-least)
			}
			require.GreaterOrEqual(t, kept, had-over)
			for id, about := range members {
				about.Owned = nil
				for _, p := range all {
					if owners[p] == id {
						about.Owned = append(about.Owned, p)
					}
				}
				members[id] = about
			}
		}
	})
}

func TestSharingAmongMembersOfDifferentTopics(t *testing.T) {
	owners := assign(map[string]metadata{
		"1": {Partitions: partitions("a", 2), Owned: partitions("b", 1)}, // what it cannot own it does not get
		"2": {Partitions: slices.Concat(partitions("a", 2), partitions("b", 2))},
	})
	require.Equal(t, map[Partition]string{{"a", 0}: "1", {"a", 1}: "1", {"b", 0}: "2", {"b", 1}: "2"}, owners)
}

// Two that both think they own a partition: one of them gets it.
func TestSharingWithTwoOwners(t *testing.T) {
	owners := assign(map[string]metadata{
		"1": {Partitions: partitions("a", 2), Owned: partitions("a", 2)},
		"2": {Partitions: partitions("a", 2), Owned: partitions("a", 2)},
	})
	require.Len(t, owners, 2)
	require.NotEqual(t, owners[Partition{"a", 0}], owners[Partition{"a", 1}])
}
