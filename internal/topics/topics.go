// Package topics says how a category's Kafka topic is called. The store needs the name as a topic,
// and the codec needs it within a schema's subject. No other place makes it.
package topics

import "strings"

// DefaultPrefix is the prefix of every topic unless configuration says otherwise.
const DefaultPrefix = "fencelog"

const suffix = "events"

// Name returns the topic of the category of the given aggregate type, such as
// "billing.account.events" for "Account". Types whose names differ only in case have the same
// topic.
func Name(prefix, aggregateType string) string {
	return prefix + "." + strings.ToLower(aggregateType) + "." + suffix
}
