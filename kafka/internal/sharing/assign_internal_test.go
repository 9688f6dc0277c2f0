package sharing

import (
	"fmt"
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

// settle makes each member the owner of the partitions that are assigned to it.
func settle(members map[string]metadata, owners map[Partition]string) {
	for id, about := range members {
		about.Owned = nil
		for _, p := range slices.SortedFunc(maps.Keys(owners), compare) {
			if owners[p] == id {
				about.Owned = append(about.Owned, p)
			}
		}
		members[id] = about
	}
}

// loads counts each member's partitions of each topic, and of all topics under the empty name.
func loads(members map[string]metadata, owners map[Partition]string) map[string]map[string]int {
	found := map[string]map[string]int{}
	for p := range owners {
		for _, topic := range []string{p.Topic, ""} {
			if found[topic] == nil {
				found[topic] = map[string]int{}
				for id := range members {
					found[topic][id] = 0
				}
			}
		}
	}
	for p, id := range owners {
		found[p.Topic][id]++
		found[""][id]++
	}
	return found
}

// requireEven requires that no two members differ by more than one partition, of any topic and in
// all.
func requireEven(t require.TestingT, members map[string]metadata, owners map[Partition]string) {
	for topic, load := range loads(members, owners) {
		all := slices.Sorted(maps.Values(load))
		require.LessOrEqual(t, all[len(all)-1]-all[0], 1, "topic %q: %v", topic, load)
	}
}

// One of two instances is killed and started again. Then both have half of each category.
func TestSharingAfterARestartIsEvenInEachTopic(t *testing.T) {
	for _, sizes := range [][]int{{10, 10}, {10, 10, 5, 1}, {1, 1}, {3, 3, 3}, {7}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			var all []Partition
			for i, n := range sizes {
				all = append(all, partitions(string(rune('a'+i)), n)...)
			}
			members := map[string]metadata{"1": {Partitions: all}, "2": {Partitions: all}}
			for range 2 {
				settle(members, assign(members))
				requireEven(t, members, assign(members))
				delete(members, "2")
				settle(members, assign(members))
				require.Len(t, members["1"].Owned, len(all))
				members["2"] = metadata{Partitions: all}
			}
		})
	}
}

// Members come and go. Each topic is always spread evenly over those that are there, and so are all
// partitions together. If no member comes or goes, nothing moves.
func TestSharingIsEvenWhateverComesAndGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Partition
		for i, n := range rapid.SliceOfN(rapid.IntRange(1, 12), 1, 5).Draw(t, "topics") {
			all = append(all, partitions(string(rune('a'+i)), n)...)
		}
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
			requireEven(t, members, owners)
			settle(members, owners)
			require.Equal(t, owners, assign(members), "nothing moves where nobody comes or goes")
		}
	})
}

// value is the cost of an assignment by the rules of assign.
func value(members map[string]metadata, owners map[Partition]string) cost {
	var c cost
	for topic, load := range loads(members, owners) {
		for _, n := range load {
			if topic == "" {
				c.total += n * n
			} else {
				c.topic += n * n
			}
		}
	}
	for id, about := range members {
		for _, p := range about.Owned {
			if owner, known := owners[p]; known && owner != id {
				c.moves++
			}
		}
	}
	return c
}

// best tries all ways to share the rest, and returns the cost of the best one.
func best(
	members map[string]metadata, able map[Partition][]string, rest []Partition, owners map[Partition]string,
) cost {
	if len(rest) == 0 {
		return value(members, owners)
	}
	var least *cost
	for _, id := range able[rest[0]] {
		owners[rest[0]] = id
		if c := best(members, able, rest[1:], owners); least == nil || c.less(*least) {
			least = &c
		}
	}
	return *least
}

// No way to share is better than that of assign, also if members of two builds know different
// topics. The test tries all ways.
func TestSharingIsTheBestThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := slices.Concat(partitions("a", rapid.IntRange(1, 3).Draw(t, "a")),
			partitions("b", rapid.IntRange(0, 3).Draw(t, "b")))
		members, able, owned := map[string]metadata{}, map[Partition][]string{}, map[Partition]bool{}
		for i := range rapid.IntRange(1, 3).Draw(t, "members") {
			var about metadata
			id := strconv.Itoa(i)
			for _, p := range all {
				if !rapid.Bool().Draw(t, "can own") {
					continue
				}
				about.Partitions = append(about.Partitions, p)
				able[p] = append(able[p], id)
				if !owned[p] && rapid.Bool().Draw(t, "owns") {
					owned[p] = true
					about.Owned = append(about.Owned, p)
				}
			}
			members[id] = about
		}
		owners := assign(members)
		for p, id := range owners {
			require.Contains(t, able[p], id)
		}
		rest := slices.SortedFunc(maps.Keys(able), compare)
		require.Len(t, owners, len(rest))
		require.Equal(t, best(members, able, rest, map[Partition]string{}), value(members, owners))
	})
}

func TestSharingAmongMembersOfDifferentTopics(t *testing.T) {
	owners := assign(map[string]metadata{
		"1": {Partitions: partitions("a", 2), Owned: partitions("b", 1)}, // it gets no partition that it cannot own
		"2": {Partitions: slices.Concat(partitions("a", 2), partitions("b", 2))},
	})
	require.Equal(t, map[Partition]string{{"a", 0}: "1", {"a", 1}: "2", {"b", 0}: "2", {"b", 1}: "2"}, owners)
	require.Empty(t, assign(map[string]metadata{"1": {}, "2": {}}), "nobody can own anything")
}

// If two members think that they own a partition, one of them gets it.
func TestSharingWithTwoOwners(t *testing.T) {
	owners := assign(map[string]metadata{
		"1": {Partitions: partitions("a", 2), Owned: partitions("a", 2)},
		"2": {Partitions: partitions("a", 2), Owned: partitions("a", 2)},
	})
	require.Len(t, owners, 2)
	require.NotEqual(t, owners[Partition{"a", 0}], owners[Partition{"a", 1}])
}

// The leader of a group shares while all others wait. Here it shares a thousand partitions among
// forty instances, half of which have just joined.
func BenchmarkSharing(b *testing.B) {
	var all []Partition
	for i := range 20 {
		all = append(all, partitions(strconv.Itoa(i), 50)...)
	}
	members := map[string]metadata{}
	for i := range 20 {
		members[strconv.Itoa(i)] = metadata{Partitions: all}
	}
	settle(members, assign(members))
	for i := range 20 {
		members[strconv.Itoa(20+i)] = metadata{Partitions: all}
	}
	for b.Loop() {
		assign(members)
	}
}
