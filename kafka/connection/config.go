package connection

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/fencelog/fencelog/internal/topics"
)

// Defaults of [Config].
const (
	DefaultClientID       = "fencelog"
	DefaultRequestTimeout = 10 * time.Second
)

// Config says how a client reaches the brokers. Brokers is required. Any other field may be zero.
type Config struct {
	// Brokers are the addresses, host:port, of some brokers of the cluster.
	Brokers []string

	// Security says how connections are encrypted, and how this service and the brokers know each
	// other. Default: not at all.
	Security Security

	// ClientID names this service to the brokers. Default: [DefaultClientID].
	ClientID string

	// RequestTimeout is how long a broker may take to replicate a batch before it is sent again.
	// Default: [DefaultRequestTimeout].
	RequestTimeout time.Duration

	// Logger is told which brokers do not answer. Default: slog.Default().
	Logger *slog.Logger
}

// minRequestTimeout is the shortest RequestTimeout. A broker needs some time to replicate a batch.
const minRequestTimeout = 100 * time.Millisecond

// Complete returns the configuration with its defaults. If there are mistakes, it fails with all of
// them joined. Each names its field by the path from a configuration that holds this one as
// Connection.
func (c Config) Complete() (Config, error) {
	c.ClientID = cmp.Or(c.ClientID, DefaultClientID)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, DefaultRequestTimeout)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	var wrong []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf("Connection."+format, args...))
		}
	}
	report(len(c.Brokers) == 0, "Brokers is empty, expected at least one address such as localhost:9092")
	for _, addr := range c.Brokers {
		host, port, err := net.SplitHostPort(addr)
		report(err != nil || host == "" || port == "", "Brokers: found %q, expected host:port", addr)
	}
	report(!topics.Legal(c.ClientID), "ClientID: found %q, expected %s", c.ClientID, topics.LegalNames)
	report(c.RequestTimeout < minRequestTimeout, "RequestTimeout is %s, expected %s or more", c.RequestTimeout,
		minRequestTimeout)
	if err := errors.Join(append(wrong, c.Security.check()...)...); err != nil {
		return Config{}, err
	}
	return c, nil
}
