package proof

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// Defaults of [Config].
const (
	DefaultDuration = 10 * time.Minute
	DefaultWorkers  = 3
	DefaultClients  = 16
)

// The proof's fixed dimensions. There are few partitions and few streams, so that all clients and
// processes get in each other's way.
const (
	partitions     = 3
	liveStreams    = 4
	streamEvents   = 400              // a stream with more events is replaced by a fresh one
	streamAge      = 15 * time.Second // and so is an older one
	bankPartitions = 2                // fewer than banks, so that banks share a partition
	liveBanks      = 3
	bankCommits    = 400         // a bank with more commits, or as old as a stream may be, is replaced
	tellersEvery   = 3           // of so many clients one works with the banks
	requestTimeout = time.Second // of the stores; time-outs of connections follow from it
	claimRenewal   = time.Second
	rareRenewal    = 5 * time.Second // if renewals take partitions
	quietTime      = 2 * time.Second
	openTimeout    = 20 * time.Second
	extension      = 5 * time.Minute  // of the work, for faults that are required
	healTimeout    = 90 * time.Second // within which everything must work again once all faults are over
)

// Config says how to prove. Command is required; zero fields mean their defaults.
type Config struct {
	// Command starts a worker. It is a program that calls worker.Serve on its standard input and
	// output. Env is added to this process's environment for it.
	Command, Env []string

	Duration time.Duration // of work under faults. Default: DefaultDuration
	Seed     uint64        // of all choices
	Kafka    string        // version of the brokers. Default: as package kafkatest says
	Workers  int           // processes that compete. Default: DefaultWorkers
	Clients  int           // clients at a time. Default: DefaultClients

	// Sharing makes the processes share the partitions, as the instances of a service do. Otherwise
	// they take all partitions from each other.
	Sharing bool

	// Prefixes is how many prefixes of transactional ids the processes have together. If there is
	// more than one, the coordinator does not fence a process when one with another prefix claims.
	// Only the markers in the log do. Default: 1.
	Prefixes int

	// Faults to inject. Default: DefaultFaults.
	Faults Faults

	// Require names kinds of faults by the beginnings of their names. The work goes on until one
	// fault of each kind has been injected, for five more minutes at most.
	Require []string

	// Damage names the scenarios to run once each, if Faults is Log. Default: all, over and over.
	Damage []string

	// Broken breaks the store. Default: nothing.
	Broken broken.Rules

	// UntilCaught ends the run at the first violation.
	UntilCaught bool

	// Dir is a folder for the log of each process, the list of faults and drawings of violations.
	// Default: a temporary folder, removed unless something was found.
	Dir string

	// Progress gets a line every few seconds. Default: nobody.
	Progress io.Writer
}

// claimRenewal is the ClaimRenewal of the stores. It is short, so that faults hit renewals as well.
// But brokers forget only owners that do not renew.
func (c Config) claimRenewal() time.Duration {
	switch {
	case c.Faults.Forgetting:
		return kafka.DefaultClaimRenewal
	case c.Prefixes > 1: // a renewal takes the partition from an owner with another prefix, which renews in turn
		return rareRenewal
	}
	return claimRenewal
}

// quietTime is the QuietTime of the stores. If a store claims again by itself, it may own a
// partition at any time, and no read need be exact. So stores come back soon only if no read need
// be exact anyway.
func (c Config) quietTime() time.Duration {
	if c.Prefixes > 1 {
		return quietTime
	}
	return time.Hour
}

// claimPrefix returns the prefix of the transactional ids of a rival.
func (c Config) claimPrefix(rival int) string {
	if n := rival % c.Prefixes; n > 0 {
		return fmt.Sprintf("%s-%d", kafka.DefaultTransactionalIDPrefix, n)
	}
	return kafka.DefaultTransactionalIDPrefix
}

func (c Config) complete() (Config, error) {
	if c.Kafka == "" {
		c.Kafka = os.Getenv(kafkatest.EnvVersion)
	}
	if c.Kafka == "" {
		c.Kafka = kafkatest.DefaultVersion
	}
	if c.Duration == 0 {
		c.Duration = DefaultDuration
	}
	if c.Workers == 0 {
		c.Workers = DefaultWorkers
	}
	if c.Clients == 0 {
		c.Clients = DefaultClients
	}
	if c.Prefixes == 0 {
		c.Prefixes = 1
	}
	if c.Faults == (Faults{}) {
		c.Faults = DefaultFaults()
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	var wrong []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	report(len(c.Command) == 0, "Command is empty, expected the program of a worker")
	report(c.Duration < time.Second, "Duration is %s, expected a second or more", c.Duration)
	report(c.Workers < 2 || c.Workers > 9, "Workers is %d, expected 2 to 9", c.Workers)
	report(c.Clients < 1 || c.Clients > 200, "Clients is %d, expected 1 to 200", c.Clients)
	report(c.Faults.Log && c.Faults != (Faults{Log: true}), "Faults has Log and others, expected Log alone")
	report(c.Prefixes < 1 || c.Prefixes > c.Workers, "Prefixes is %d, expected 1 to the number of workers, %d",
		c.Prefixes, c.Workers)
	report(c.Prefixes > 1 && c.Sharing, "Prefixes is %d with Sharing: instances of one service have one prefix",
		c.Prefixes)
	return c, errors.Join(wrong...)
}
