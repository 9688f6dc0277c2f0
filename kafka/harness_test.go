package kafka_test

import (
	"testing"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

const (
	category = storetest.Category
	topic    = storetest.Topic
)

// The tests share these with the tests of the other rooms.
var (
	fake       = storetest.Fake
	quiet      = storetest.Quiet
	open       = storetest.Open
	openReader = storetest.OpenReader
	claimed    = storetest.Claimed
	eventually = storetest.Eventually

	stream     = storetest.Stream
	records    = storetest.Records
	add        = storetest.Add
	ids        = storetest.IDs
	idsOf      = storetest.IDsOf
	firstError = storetest.FirstError
	named      = storetest.Named

	topicOf   = storetest.TopicOf
	foreigner = storetest.Foreigner
	garbage   = storetest.Garbage
	two       = storetest.Two
	grow      = storetest.Grow
)

func create(t testing.TB, cfg kafka.Config) {
	t.Helper()
	kafkatest.Topics(t, cfg)
}
