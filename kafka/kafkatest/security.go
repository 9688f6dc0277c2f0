package kafkatest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// Security gives each broker listeners of every kind beside the open one, with certificates that
// are made at the start.
//
// The open listener, that of [Cluster.Brokers], stays for the brokers among themselves and for
// tests that prepare the cluster. With ACLs, a client of this listener is User:ANONYMOUS, who may
// do everything.
type Security struct {
	// Users are the names and passwords of the users who may connect, by SASL (PLAIN,
	// SCRAM-SHA-256, SCRAM-SHA-512) or with a client certificate. Kafka knows each as User:<name>.
	// Default: nobody.
	Users map[string]string

	// ACLs makes the brokers refuse users everything that no ACL allows. Default: users may do
	// everything.
	ACLs bool
}

// Listener is one of the kinds of listeners that [Security] adds.
type Listener string

// The listeners. The comment of each says what it asks of clients.
const (
	SSL           Listener = "SSL"            // TLS
	MutualSSL     Listener = "MUTUAL_SSL"     // TLS with a client certificate
	SASLPlaintext Listener = "SASL_PLAINTEXT" // name and password, unencrypted
	SASLSSL       Listener = "SASL_SSL"       // name and password under TLS
)

// protocols are Kafka's names for the protocols of the listeners.
func protocols() map[Listener]string {
	return map[Listener]string{
		SSL: "SSL", MutualSSL: "SSL", SASLPlaintext: "SASL_PLAINTEXT", SASLSSL: "SASL_SSL",
	}
}

// listeners are the keys of protocols, in a stable order.
func listeners() []Listener { return slices.Sorted(maps.Keys(protocols())) }

// validate returns the mistakes of the users. Their names and passwords go into a line of a JAAS
// file, which limits them.
func (s *Security) validate() []error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Users)) {
		if name == "" || strings.ContainsAny(name, "\"\\;=, \n/") {
			errs = append(errs, fmt.Errorf("user %q: give a name without quotes, blanks and punctuation", name))
		}
		if s.Users[name] == "" || strings.ContainsAny(s.Users[name], "\"\\;\n") {
			errs = append(errs,
				fmt.Errorf("password of user %q: give one without quotes, backslashes and semicolons", name))
		}
	}
	return errs
}

// properties are the brokers' settings for the listeners.
func (s *Security) properties(certificates *certificates) map[string]string {
	p := map[string]string{
		"ssl.keystore.type":                        "PEM",
		"ssl.keystore.location":                    certificates.broker,
		"ssl.truststore.type":                      "PEM",
		"ssl.truststore.location":                  certificates.ca,
		"ssl.principal.mapping.rules":              "RULE:^CN=(.*)$/$1/",
		"listener.name.mutual_ssl.ssl.client.auth": "required",
		"sasl.enabled.mechanisms":                  "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
	}
	plain := []string{"org.apache.kafka.common.security.plain.PlainLoginModule required"}
	for _, name := range slices.Sorted(maps.Keys(s.Users)) {
		plain = append(plain, fmt.Sprintf("user_%s=%q", name, s.Users[name]))
	}
	for _, l := range []Listener{SASLPlaintext, SASLSSL} {
		prefix := "listener.name." + strings.ToLower(string(l)) + "."
		p[prefix+"plain.sasl.jaas.config"] = strings.Join(plain, " ") + ";"
		for _, scram := range []string{"scram-sha-256", "scram-sha-512"} {
			p[prefix+scram+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
		}
	}
	if s.ACLs {
		p["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		p["super.users"] = "User:ANONYMOUS"
	}
	return p
}

// secure makes the certificates, and returns the brokers' settings; none without [Config.Security].
func (c *Cluster) secure(cfg Config) (map[string]string, error) {
	if cfg.Security == nil {
		return make(map[string]string), nil
	}
	certificates, err := newCertificates(c.dir.data, slices.Sorted(maps.Keys(cfg.Security.Users)))
	if err != nil {
		return nil, fmt.Errorf("kafkatest: certificates: %w", err)
	}
	c.security, c.certificates = cfg.Security, certificates
	return cfg.Security.properties(certificates), nil
}

// addUsers makes the users known to SCRAM, whose credentials the cluster keeps.
func (c *Cluster) addUsers(ctx context.Context) error {
	if c.security == nil || len(c.security.Users) == 0 {
		return nil
	}
	admin, err := sarama.NewClusterAdmin(c.addrs, probeConfig())
	if err != nil {
		return fmt.Errorf("kafkatest: users: %w", err)
	}
	defer func() { _ = admin.Close() }()
	// Kafka takes a user once in a request.
	for _, mechanism := range []sarama.ScramMechanismType{
		sarama.SCRAM_MECHANISM_SHA_256, sarama.SCRAM_MECHANISM_SHA_512,
	} {
		results, err := admin.UpsertUserScramCredentials(c.security.credentials(mechanism))
		if err != nil {
			return fmt.Errorf("kafkatest: users: %w", err)
		}
		for _, r := range results {
			if r.ErrorCode != sarama.ErrNoError {
				return fmt.Errorf("kafkatest: user %s: %w", r.User, r.ErrorCode)
			}
		}
	}
	for _, b := range c.brokers {
		if err := awaitUsers(ctx, b, len(c.security.Users)); err != nil {
			return err
		}
	}
	return nil
}

// scramIterations is the least number that Kafka takes.
const scramIterations = 4096

// credentials returns the credentials of all users.
func (s *Security) credentials(mechanism sarama.ScramMechanismType) []sarama.AlterUserScramCredentialsUpsert {
	var all []sarama.AlterUserScramCredentialsUpsert
	for name, password := range s.Users {
		all = append(all, sarama.AlterUserScramCredentialsUpsert{
			Name: name, Mechanism: mechanism, Iterations: scramIterations, Salt: []byte(newUUID()),
			Password: []byte(password),
		})
	}
	return all
}

// awaitUsers waits until the broker knows the credentials of that many users.
func awaitUsers(ctx context.Context, b *broker, want int) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		found, err := users(b.address())
		if err == nil && found == want {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("kafkatest: %s knows %d of %d users: %w: %w", b.name, found, want, context.Cause(ctx),
				err)
		}
	}
}

// users asks one broker for the number of users that SCRAM knows.
func users(addr string) (int, error) {
	b := sarama.NewBroker(addr)
	if err := b.Open(probeConfig()); err != nil {
		return 0, err
	}
	defer func() { _ = b.Close() }()
	r, err := b.DescribeUserScramCredentials(&sarama.DescribeUserScramCredentialsRequest{})
	if err != nil {
		return 0, err
	}
	return len(r.Results), nil
}

// Addresses returns the bootstrap addresses of a listener, in the order of the brokers; none
// without [Config.Security].
func (c *Cluster) Addresses(l Listener) []string {
	if c.dir == nil {
		return nil
	}
	var addrs []string
	for _, port := range c.dir.plan.secured[l] {
		addrs = append(addrs, address(port))
	}
	return addrs
}

// Environment returns the variables with which the user connects at a listener, as environment.Read
// reads them. At [MutualSSL] the user has a certificate. With SASL the user logs in by
// SCRAM-SHA-512; the brokers also accept PLAIN and SCRAM-SHA-256. At [SSL] the user is nobody.
// Without [Config.Security] there are no variables.
func (c *Cluster) Environment(l Listener, user string) map[string]string {
	if c.security == nil {
		return nil
	}
	env := map[string]string{
		EnvBrokers:                strings.Join(c.Addresses(l), ","),
		"KAFKA_SECURITY_PROTOCOL": protocols()[l],
	}
	if l != SASLPlaintext {
		env["KAFKA_SSL_CA_LOCATION"] = c.certificates.ca
	}
	if l == MutualSSL {
		env["KAFKA_SSL_CERTIFICATE_LOCATION"] = filepath.Join(c.certificates.dir, user+certificateSuffix)
		env["KAFKA_SSL_KEY_LOCATION"] = filepath.Join(c.certificates.dir, user+keySuffix)
	}
	if l == SASLPlaintext || l == SASLSSL {
		env["KAFKA_SASL_MECHANISM"] = "SCRAM-SHA-512"
		env["KAFKA_SASL_USERNAME"] = user
		env["KAFKA_SASL_PASSWORD"] = c.security.Users[user]
	}
	return env
}
