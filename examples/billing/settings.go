package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/google/uuid"
)

// The environment variables that this program reads itself; package environment reads those of the
// brokers.
const (
	addressVariable   = "BILLING_ADDRESS"
	portVariable      = "PORT"
	advertiseVariable = "BILLING_ADVERTISE"
	drainVariable     = "BILLING_DRAIN_DELAY"
	logLevelVariable  = "BILLING_LOG_LEVEL"
	brokersVariable   = "KAFKA_BROKERS"
	registryVariable  = "SCHEMA_REGISTRY_URL"
)

const defaultPort = "3001"

// The bounds of what a client may send and how long it may take.
const (
	maxHeaderBytes    = 16 << 10
	maxBodyBytes      = 16 << 10
	maxInFlight       = 1_000 // requests that are handled at once; more are refused with 503
	maxConnections    = 4_096 // with one more, the one that has waited longest for its client is cut off
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	requestTimeout    = 15 * time.Second // of handling; longer than a broker may take to replicate a batch
	stopTimeout       = 20 * time.Second // to answer what was accepted; longer than requestTimeout
)

// settings are what the environment says.
type settings struct {
	address    string        // to listen on
	advertise  string        // where other instances' callers reach this one; empty: there are no others
	drainDelay time.Duration // between not being ready and not listening, for load balancers to notice
	logLevel   slog.Level
	getenv     func(string) string
	quietTime  time.Duration // see kafka.Config; zero: its default
	checkEvery time.Duration // see kafka.Config; zero: its default

	inFlight          int           // at most
	connections       int           // at most
	readHeaderTimeout time.Duration // of a request's header
	readTimeout       time.Duration // of a request, header and body
	requestTimeout    time.Duration // of handling
	newID             func() string // of commands and conversations that come without
}

// settingsFrom reads the environment. It reports all mistakes at once.
func settingsFrom(getenv func(string) string) (settings, error) {
	s := settings{
		address:           cmp.Or(getenv(addressVariable), ":"+cmp.Or(getenv(portVariable), defaultPort)),
		advertise:         getenv(advertiseVariable),
		getenv:            getenv,
		inFlight:          maxInFlight,
		connections:       maxConnections,
		readHeaderTimeout: readHeaderTimeout,
		readTimeout:       readTimeout,
		requestTimeout:    requestTimeout,
		newID:             func() string { return uuid.Must(uuid.NewV7()).String() },
	}
	var wrong []error
	if _, _, err := net.SplitHostPort(s.address); err != nil {
		wrong = append(wrong, fmt.Errorf("%s is %q, expected host:port such as localhost:3001 or :3001",
			addressVariable, s.address))
	}
	if text := getenv(drainVariable); text != "" {
		d, err := time.ParseDuration(text)
		if s.drainDelay = d; err != nil || d < 0 {
			wrong = append(wrong, fmt.Errorf("%s is %q, expected a duration such as 5s", drainVariable, text))
		}
	}
	if text := getenv(logLevelVariable); text != "" {
		if err := s.logLevel.UnmarshalText([]byte(text)); err != nil {
			wrong = append(wrong, fmt.Errorf("%s is %q, expected debug, info, warn or error", logLevelVariable, text))
		}
	}
	if getenv(brokersVariable) != "" && getenv(registryVariable) == "" {
		wrong = append(wrong, fmt.Errorf("%s is set but %s is not: give the schema registry, "+
			"such as http://localhost:8081, or unset %s to "+
			"keep the events in memory", brokersVariable, registryVariable, brokersVariable))
	}
	if s.advertise != "" && getenv(brokersVariable) == "" {
		wrong = append(wrong, fmt.Errorf("%s is set but %s is not: only instances on Kafka can share their work",
			advertiseVariable, brokersVariable))
	}
	return s, errors.Join(wrong...)
}
