package kafka

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/sharing"
)

// The group gives a partition, and takes it away before its first claim. Opening does not wait for
// a claim that nobody makes.
func TestOwnership_doesNotWaitForAClaimThatIsNotMade(t *testing.T) {
	at := sharing.Partition{Topic: "t"}
	for name, taken := range map[string]func(*ownership){
		"given to another one": func(o *ownership) { o.assigned(sharing.Table{}) },
		"out of the group":     func(o *ownership) { o.outside(errors.New("refused")) },
	} {
		t.Run(name, func(t *testing.T) {
			given := newSeat(storedPartition{})
			o := &ownership{seats: map[sharing.Partition]*seat{at: given}}
			o.assigned(sharing.Table{Own: map[sharing.Partition]bool{at: true}})
			waited := make(chan error)
			go func() { waited <- given.await(t.Context()) }()
			taken(o)
			require.NoError(t, <-waited)
			require.NoError(t, o.settled(t.Context()))
		})
	}
}
