package kafkatest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Names of the environment variables that this package reads.
const (
	// EnvVersion is the Kafka version to run if [Config.Version] is empty.
	EnvVersion = "FENCELOG_KAFKA_VERSION"
	// EnvCache is the folder of the downloads and of the running clusters' data.
	EnvCache = "FENCELOG_CACHE"
	// EnvBrokers holds the comma-separated bootstrap addresses of a cluster that runs already;
	// [Shared] uses it instead of starting one.
	EnvBrokers = "KAFKA_BROKERS"
	// EnvRegistry holds the URL of the schema registry that belongs to [EnvBrokers].
	EnvRegistry = "SCHEMA_REGISTRY_URL"
)

const (
	// DefaultVersion is the Kafka version to run if neither [Config.Version] nor [EnvVersion] names
	// one.
	DefaultVersion = "4.3.1"
	// DefaultBrokers is the default number of brokers. It is the least number such that a record
	// that a majority has acknowledged survives the loss of a broker.
	DefaultBrokers = 3
	// DefaultStartTimeout bounds [Start] without the downloads. These have [DefaultDownloadTimeout]
	// besides.
	DefaultStartTimeout = 5 * time.Minute
	// DefaultDownloadTimeout bounds all the downloads of one [Start].
	DefaultDownloadTimeout = 10 * time.Minute

	maxBrokers = 9
)

// Config says what to start. The zero value is three brokers of [DefaultVersion] without a
// registry, on free ports, with their data in a folder that [Cluster.Stop] removes.
type Config struct {
	// Version of Kafka. The tests run 4.3.1 and 3.5.1. Default: the value of [EnvVersion], else
	// [DefaultVersion].
	Version string

	// Brokers is the number of brokers to start, 1 to 9. Replication factors are the smaller of
	// this and 3, min.insync.replicas is one less but at least 1. Default: [DefaultBrokers].
	Brokers int

	// Registry asks for a schema registry too. Default: none.
	Registry bool

	// Security asks for listeners with TLS and SASL too. Default: none.
	Security *Security

	// Properties are broker settings that add to the built-in ones or replace them, such as
	// "producer.id.expiration.ms". A "broker.session.timeout.ms" of 3000 makes [Cluster.Kill] and
	// [Cluster.Restart] take effect sooner. Settings that tie the brokers together (ids, listeners,
	// voters, folders) cannot be replaced. Default: none.
	Properties map[string]string

	// Dir keeps the data, the schemas and the logs. A later [Start] with the same Dir and number of
	// brokers finds them again, once the session time-out of the former brokers is over. One
	// cluster at a time may use it. Its name holds no comma. Default: a new folder that
	// [Cluster.Stop] removes.
	Dir string

	// Ports are the ports of the brokers, one for each, on 127.0.0.1. Default: free ones.
	Ports []int

	// RegistryPort is the port of the registry, on 127.0.0.1. Default: a free one.
	RegistryPort int

	// MetricsRules is a file of rules of the Prometheus JMX exporter. With it each broker serves,
	// on 127.0.0.1 and over HTTP, the metrics that the rules choose: see [Cluster.MetricsURLs]. The
	// exporter is an agent in the broker's process, which Maven downloads. Default: no metrics.
	MetricsRules string

	// MetricsPorts are the ports of the exporters, one for each broker. Default: free ones.
	MetricsPorts []int

	// Reserved are ports of 127.0.0.1 on which the caller's other programs will listen. Neither
	// this cluster nor one that starts while it runs takes them for free ones. Default: none.
	Reserved []int

	// Progress gets lines of English that say what [Start] and [Cluster.Stop] are doing. One
	// goroutine at a time writes to it. Default: nobody is told.
	Progress io.Writer
}

// complete returns the configuration with its defaults, or all its mistakes.
func (c Config) complete() (Config, error) {
	if c.Version == "" {
		c.Version = os.Getenv(EnvVersion)
	}
	if c.Version == "" {
		c.Version = DefaultVersion
	}
	if c.Brokers == 0 {
		c.Brokers = DefaultBrokers
	}
	return c, c.validate()
}

func (c Config) validate() error {
	var errs []error
	if !isVersion(c.Version) {
		errs = append(errs,
			fmt.Errorf("version %q is not a Kafka release: give one such as %q", c.Version, DefaultVersion))
	}
	if c.Brokers < 1 || c.Brokers > maxBrokers {
		errs = append(errs, fmt.Errorf("%d brokers: give 1 to %d", c.Brokers, maxBrokers))
	}
	if len(c.Ports) != 0 && len(c.Ports) != c.Brokers {
		errs = append(errs, fmt.Errorf("%d ports for %d brokers: give one for each, or none", len(c.Ports), c.Brokers))
	}
	if len(c.MetricsPorts) != 0 && len(c.MetricsPorts) != c.Brokers {
		errs = append(errs,
			fmt.Errorf("%d metrics ports for %d brokers: give one for each, or none", len(c.MetricsPorts), c.Brokers))
	}
	if len(c.MetricsPorts) != 0 && c.MetricsRules == "" {
		errs = append(errs, errors.New("metrics ports without metrics rules: say which metrics too"))
	}
	if c.RegistryPort != 0 && !c.Registry {
		errs = append(errs, fmt.Errorf("registry port %d without a registry: ask for the registry too", c.RegistryPort))
	}
	seen := make(map[int]bool)
	for _, port := range c.fixedPorts() {
		if port < 1 || port > 65535 {
			errs = append(errs, fmt.Errorf("port %d: give 1 to 65535", port))
		}
		if seen[port] {
			errs = append(errs, fmt.Errorf("port %d is given twice: each process needs its own", port))
		}
		seen[port] = true
	}
	if strings.Contains(c.Dir, ",") {
		errs = append(errs,
			fmt.Errorf("folder %q: Kafka takes what follows a comma for another folder, choose a name without", c.Dir))
	}
	if c.Security != nil {
		errs = append(errs, c.Security.validate()...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		if reserved(name) {
			errs = append(errs, fmt.Errorf("property %s ties the brokers together: it cannot be set", name))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("kafkatest: configuration: %w", errors.Join(errs...))
}

// fixedPorts are the ports that the caller chose.
func (c Config) fixedPorts() []int {
	ports := slices.Concat(c.Ports, c.MetricsPorts, c.Reserved)
	if c.RegistryPort != 0 {
		ports = append(ports, c.RegistryPort)
	}
	return ports
}

// isVersion keeps texts that are no release out of paths and out of the generated pom.
func isVersion(s string) bool {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '-':
		default:
			return false
		}
	}
	return true
}
