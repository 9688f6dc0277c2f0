package environment

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	names "github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
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

// Read returns a configuration for the categories from the environment. getenv is os.Getenv, or a
// function like it. An empty variable counts as not set, and has its default. Read reads the files
// that variables name at once.
//
// If there are mistakes, Read fails with all of them joined. Each is a *[VariableError], or is
// about a category.
func Read(getenv func(string) string, categories ...topics.Category) (kafka.Config, error) {
	e := &reader{getenv: getenv}
	cfg := kafka.Config{
		Connection: connection.Config{
			Brokers:  e.brokers(),
			Security: e.security(),
			ClientID: e.name(ClientID),
		},
		Topics: topics.Config{
			Categories:        categories,
			Prefix:            e.name(TopicPrefix),
			ReplicationFactor: int16(e.number(ReplicationFactor, maxReplicas)),
			MinInSyncReplicas: e.number(MinInSyncReplicas, maxReplicas),
			Compression:       e.compression(),
			ProviderSettings:  e.providerSettings(),
		},
		TransactionalIDPrefix: e.name(TransactionalIDPrefix),
		IndexDir:              getenv(IndexDir),
	}
	e.checkReplicas(&cfg)
	checked := cfg
	if len(e.wrong) > 0 { // each is reported by its variable; this checks the categories
		checked = kafka.Config{
			Connection: connection.Config{Brokers: []string{exampleBroker}},
			Topics:     topics.Config{Categories: categories},
		}
	}
	_, err := checked.Complete()
	if err := errors.Join(append(e.wrong, err)...); err != nil {
		return kafka.Config{}, err
	}
	return cfg, nil
}

const (
	exampleBroker = "localhost:9092"
	maxReplicas   = 1000 // more than any cluster has brokers
	notSet        = ""   // found instead of a missing variable
)

// reader reads variables and collects what is wrong with them.
type reader struct {
	getenv func(string) string
	wrong  []error
}

// mistake reports what is wrong with a variable. found must not be a secret.
func (e *reader) mistake(variable, found, want string) {
	e.wrong = append(e.wrong, &VariableError{Variable: variable, Found: found, Want: want})
}

func (e *reader) brokers() []string {
	found := e.list(Brokers)
	for _, addr := range found {
		host, port, err := net.SplitHostPort(addr)
		_, notPort := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || notPort != nil {
			e.mistake(Brokers, strconv.Quote(addr), "host:port, such as "+exampleBroker)
		}
	}
	if len(found) == 0 {
		e.mistake(Brokers, notSet, "addresses such as localhost:9092,localhost:9093,localhost:9094")
	}
	return found
}

// list returns the texts between commas.
func (e *reader) list(variable string) []string {
	var found []string
	for text := range strings.SplitSeq(e.getenv(variable), ",") {
		if text = strings.TrimSpace(text); text != "" {
			found = append(found, text)
		}
	}
	return found
}

// providerSettings returns names of topic settings.
func (e *reader) providerSettings() []string {
	known := topics.SettingNames()
	found := e.list(ProviderSettings)
	for _, name := range found {
		if !slices.Contains(known, name) {
			e.mistake(ProviderSettings, strconv.Quote(name), "some of "+strings.Join(known, ", "))
		}
	}
	return found
}

func (e *reader) compression() topics.Compression {
	found := strings.TrimSpace(e.getenv(Compression))
	if known := topics.Compressions(); found != "" && !slices.Contains(known, found) {
		e.mistake(Compression, strconv.Quote(found), "one of "+strings.Join(known, ", "))
	}
	return topics.Compression(found)
}

// number returns 0 if the variable is not set.
func (e *reader) number(variable string, most int) int {
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

// name returns a name, or the beginning of names, that Kafka accepts.
func (e *reader) name(variable string) string {
	text := e.getenv(variable)
	if text != "" && !names.Legal(text) {
		e.mistake(variable, strconv.Quote(text), names.LegalNames)
		return ""
	}
	return text
}

// checkReplicas compares the numbers of the variables, or their defaults.
func (e *reader) checkReplicas(cfg *kafka.Config) {
	replicas := cmp.Or(cfg.Topics.ReplicationFactor, topics.DefaultReplicationFactor)
	inSync := cmp.Or(cfg.Topics.MinInSyncReplicas, topics.DefaultMinInSyncReplicas)
	if inSync > int(replicas) {
		e.mistake(MinInSyncReplicas, strconv.Itoa(inSync),
			fmt.Sprintf("at most %s, which is %d", ReplicationFactor, replicas))
	}
}

// oneOf returns the choice that the variable names, in capital letters. The variable may name it in
// any case. oneOf returns "" if the variable is not set, or names no choice.
func (e *reader) oneOf(variable string, choices ...string) string {
	text := strings.ToUpper(strings.TrimSpace(e.getenv(variable)))
	if text == "" || slices.Contains(choices, text) {
		return text
	}
	e.mistake(variable, strconv.Quote(text), "one of "+strings.Join(choices, ", "))
	return ""
}
