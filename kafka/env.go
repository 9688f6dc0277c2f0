package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	names "github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The variables that [FromEnv] reads. KAFKA_BROKERS alone is required.
const (
	EnvBrokers               = "KAFKA_BROKERS"                 // addresses, host:port, with commas between them
	EnvClientID              = "KAFKA_CLIENT_ID"               // [Config.ClientID]
	EnvTopicPrefix           = "KAFKA_TOPIC_PREFIX"            // [Config.TopicPrefix]
	EnvTransactionalIDPrefix = "KAFKA_TRANSACTIONAL_ID_PREFIX" // [Config.TransactionalIDPrefix]
	EnvIndexDir              = "KAFKA_INDEX_DIR"               // [Config.IndexDir]
	EnvReplicationFactor     = "KAFKA_REPLICATION_FACTOR"      // [Config.ReplicationFactor]
	EnvMinInSyncReplicas     = "KAFKA_MIN_INSYNC_REPLICAS"     // [Config.MinInSyncReplicas]
	EnvCompression           = "KAFKA_COMPRESSION"             // [Config.Compression]
	EnvProviderSettings      = "KAFKA_PROVIDER_SETTINGS"       // [Config.ProviderSettings], with commas between them

	EnvSecurityProtocol = "KAFKA_SECURITY_PROTOCOL"        // PLAINTEXT (the default), SSL, SASL_PLAINTEXT or SASL_SSL
	EnvSASLMechanism    = "KAFKA_SASL_MECHANISM"           // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	EnvSASLUsername     = "KAFKA_SASL_USERNAME"            // [SASL.Username]
	EnvSASLPassword     = "KAFKA_SASL_PASSWORD"            //nolint:gosec // [SASL.Password]; the name of a variable, not a password
	EnvSASLPasswordFile = "KAFKA_SASL_PASSWORD_FILE"       //nolint:gosec // a file that holds the password, in its place; one line end is cut off
	EnvCA               = "KAFKA_SSL_CA_LOCATION"          // file of the authorities that may vouch for brokers, PEM; default: the system's
	EnvCertificate      = "KAFKA_SSL_CERTIFICATE_LOCATION" // file of this service's certificate, and those between it and the authority's, PEM
	EnvKey              = "KAFKA_SSL_KEY_LOCATION"         // file of the certificate's private key, PEM, not encrypted
)

// VariableError says what is wrong with a variable of the environment.
type VariableError struct {
	Variable string
	Found    string // never a secret; empty if the variable is not set
	Want     string
}

// Error names the variable, what was found and what was expected.
func (e *VariableError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("%s is not set, expected %s", e.Variable, e.Want)
	}
	return fmt.Sprintf("%s: found %s, expected %s", e.Variable, e.Found, e.Want)
}

// FromEnv returns a configuration for the categories from the environment: the constants Env… are the variables.
// getenv is os.Getenv, or anything like it; a variable that is empty counts as not set, and
// so has its default. Files are read at once. All mistakes are reported, each a *[VariableError] or one of the categories'.
func FromEnv(getenv func(string) string, categories ...topics.Category) (Config, error) {
	e := &environment{getenv: getenv}
	cfg := Config{
		Connection: connection.Config{
			Brokers:  e.brokers(),
			Security: e.security(),
			ClientID: e.name(EnvClientID),
		},
		Topics: topics.Config{
			Categories:        categories,
			Prefix:            e.name(EnvTopicPrefix),
			ReplicationFactor: int16(e.number(EnvReplicationFactor, maxReplicas)),
			MinInSyncReplicas: e.number(EnvMinInSyncReplicas, maxReplicas),
		},
		TransactionalIDPrefix: e.name(EnvTransactionalIDPrefix),
		IndexDir:              getenv(EnvIndexDir),
	}
	cfg.Topics.Compression = e.compression()
	cfg.Topics.ProviderSettings = e.providerSettings()
	e.checkReplicas(&cfg)
	checked := cfg
	if len(e.wrong) > 0 { // reported by its variable; what is left to check are the categories
		checked = Config{
			Connection: connection.Config{Brokers: []string{exampleBroker}},
			Topics:     topics.Config{Categories: categories},
		}
	}
	_, err := checked.Complete()
	if err := errors.Join(append(e.wrong, err)...); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

const (
	exampleBroker = "localhost:9092"
	maxReplicas   = 1000 // more than any cluster has brokers
	notSet        = ""   // what is found of a variable that is missing
)

// environment reads variables and collects what is wrong with them.
type environment struct {
	getenv func(string) string
	wrong  []error
}

// mistake reports a variable. found must not be a secret.
func (e *environment) mistake(variable, found, want string) {
	e.wrong = append(e.wrong, &VariableError{Variable: variable, Found: found, Want: want})
}

func (e *environment) brokers() []string {
	found := e.list(EnvBrokers)
	for _, addr := range found {
		host, port, err := net.SplitHostPort(addr)
		_, notPort := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || notPort != nil {
			e.mistake(EnvBrokers, strconv.Quote(addr), "host:port, such as "+exampleBroker)
		}
	}
	if len(found) == 0 {
		e.mistake(EnvBrokers, notSet, "addresses such as localhost:9092,localhost:9093,localhost:9094")
	}
	return found
}

// list returns what stands between commas.
func (e *environment) list(variable string) []string {
	var found []string
	for text := range strings.SplitSeq(e.getenv(variable), ",") {
		if text = strings.TrimSpace(text); text != "" {
			found = append(found, text)
		}
	}
	return found
}

// providerSettings returns names of topic settings.
func (e *environment) providerSettings() []string {
	known := topics.SettingNames()
	found := e.list(EnvProviderSettings)
	for _, name := range found {
		if !slices.Contains(known, name) {
			e.mistake(EnvProviderSettings, strconv.Quote(name), "some of "+strings.Join(known, ", "))
		}
	}
	return found
}

func (e *environment) compression() topics.Compression {
	found := strings.TrimSpace(e.getenv(EnvCompression))
	if known := topics.Compressions(); found != "" && !slices.Contains(known, found) {
		e.mistake(EnvCompression, strconv.Quote(found), "one of "+strings.Join(known, ", "))
	}
	return topics.Compression(found)
}

// number returns 0 if the variable is not set.
func (e *environment) number(variable string, most int) int {
	text := strings.TrimSpace(e.getenv(variable))
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		e.mistake(variable, strconv.Quote(text), fmt.Sprintf("a number from 1 to %d", most))
		return 0
	}
	return n
}

// name returns a name, or the beginning of names, that Kafka takes.
func (e *environment) name(variable string) string {
	text := e.getenv(variable)
	if text != "" && !names.Legal(text) {
		e.mistake(variable, strconv.Quote(text), names.LegalNames)
		return ""
	}
	return text
}

// checkReplicas compares what the variables say, and their defaults.
func (e *environment) checkReplicas(cfg *Config) {
	replicas := cmp.Or(cfg.Topics.ReplicationFactor, topics.DefaultReplicationFactor)
	inSync := cmp.Or(cfg.Topics.MinInSyncReplicas, topics.DefaultMinInSyncReplicas)
	if inSync > int(replicas) {
		e.mistake(EnvMinInSyncReplicas, strconv.Itoa(inSync),
			fmt.Sprintf("at most %s, which is %d", EnvReplicationFactor, replicas))
	}
}

// oneOf returns the choice that the variable names in any case, or the default and whether it was set.
func (e *environment) oneOf(variable string, choices ...string) string {
	text := strings.ToUpper(strings.TrimSpace(e.getenv(variable)))
	if text == "" || slices.Contains(choices, text) {
		return text
	}
	e.mistake(variable, strconv.Quote(text), "one of "+strings.Join(choices, ", "))
	return ""
}
