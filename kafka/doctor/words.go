package doctor

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

func keysOf[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// listed joins words as a sentence does.
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// idList lists brokers by number.
func idList(ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		if id == unknownBroker {
			words[i] = "unknown"
			continue
		}
		words[i] = fmt.Sprint(id)
	}
	return listed(words)
}

// theBrokers names brokers: broker 2, or brokers 1 and 2.
func theBrokers(ids []int32) string {
	if len(ids) == 1 {
		return "broker " + idList(ids)
	}
	return "brokers " + idList(ids)
}

// quoted makes a shell take a text as one word, with any characters in it.
func quoted(text string) string {
	if !strings.ContainsFunc(text, special) && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// special reports whether a character may mean something to a shell.
func special(r rune) bool {
	plain := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !plain && !strings.ContainsRune("._-:/@%+=,", r)
}

// topicsNamed names topics: topic a, or topics a and b.
func topicsNamed(names []string) string {
	if len(names) == 1 {
		return "topic " + names[0]
	}
	return "topics " + listed(names)
}

// some are partitions by topic.
type some map[string][]int32

func (s some) add(topic string, p int32) { s[topic] = append(s[topic], p) }

func (s some) count() int {
	n := 0
	for _, ps := range s {
		n += len(ps)
	}
	return n
}

// String lists the partitions of each topic, and consecutive ones as a range.
func (s some) String() string {
	var topics []string
	for _, topic := range sortedKeys(s) {
		topics = append(topics, topic+" "+ranges(s[topic]))
	}
	return strings.Join(topics, "; ")
}

// have says how many partitions have something: 1 partition has, or 2 partitions have.
func (s some) have() string {
	if n := s.count(); n != 1 {
		return fmt.Sprintf("%d partitions have", n)
	}
	return "1 partition has"
}

func ranges(ps []int32) string {
	slices.Sort(ps)
	var all []string
	for i := 0; i < len(ps); {
		j := i
		for j+1 < len(ps) && ps[j+1] == ps[j]+1 {
			j++
		}
		if j > i {
			all = append(all, fmt.Sprintf("%d-%d", ps[i], ps[j]))
		} else {
			all = append(all, fmt.Sprint(ps[i]))
		}
		i = j + 1
	}
	return strings.Join(all, ", ")
}
