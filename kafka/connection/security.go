package connection

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
)

// Security says how the brokers and this service know each other. The zero value neither encrypts
// connections nor authenticates anybody. Kafka has names for the four combinations: PLAINTEXT, SSL
// (TLS), SASL_PLAINTEXT (SASL), SASL_SSL (both).
type Security struct {
	// TLS encrypts the connections. It checks the brokers' certificates against RootCAs (default:
	// those of the system) and the host name that is dialled. A client certificate in it makes the
	// TLS mutual. Nobody may change it any more. Default: no TLS.
	TLS *tls.Config

	// SASL tells the brokers who this service is. Default: no SASL.
	SASL *SASL
}

// SASL is a name, a password, and the mechanism that shows them to the brokers.
type SASL struct {
	Mechanism Mechanism
	Username  string
	Password  Secret
}

// Mechanism is how a client shows that it knows the password.
type Mechanism string

// The mechanisms. PLAIN sends the password, so use it under TLS. SCRAM proves that the client knows
// the password, and does not send it.
const (
	PLAIN       Mechanism = "PLAIN"
	SCRAMSHA256 Mechanism = "SCRAM-SHA-256"
	SCRAMSHA512 Mechanism = "SCRAM-SHA-512"
)

// Protocol returns Kafka's name for the combination, such as SASL_SSL.
func (s Security) Protocol() string {
	switch {
	case s.TLS != nil && s.SASL != nil:
		return SASLSSL
	case s.TLS != nil:
		return SSL
	case s.SASL != nil:
		return SASLPlaintext
	default:
		return Plaintext
	}
}

// Kafka's names of the combinations that [Security.Protocol] returns.
const (
	Plaintext     = "PLAINTEXT"
	SSL           = "SSL"
	SASLPlaintext = "SASL_PLAINTEXT"
	SASLSSL       = "SASL_SSL"
)

// String says what is used and by whom, such as "SASL_SSL, SCRAM-SHA-512 as billing". It shows no
// secret.
func (s Security) String() string {
	text := s.Protocol()
	if s.mutual() {
		text += ", with a client certificate"
	}
	if s.SASL != nil {
		text += fmt.Sprintf(", %s as %s", s.SASL.Mechanism, s.SASL.Username)
	}
	return text
}

// MarshalText implements [encoding.TextMarshaler], and so JSON, with what String returns: a
// [tls.Config] holds private keys.
func (s Security) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// mutual reports whether this service can show a certificate.
func (s Security) mutual() bool {
	return s.TLS != nil && (len(s.TLS.Certificates) > 0 || s.TLS.GetClientCertificate != nil)
}

// check returns all mistakes.
func (s Security) check() []error {
	if s.SASL == nil {
		return nil
	}
	var wrong []error
	switch s.SASL.Mechanism {
	case PLAIN:
		if strings.ContainsRune(s.SASL.Username+s.SASL.Password.Reveal(), 0) {
			wrong = append(wrong, errors.New(
				"Connection.Security.SASL: found a zero byte in the username or the password, which PLAIN cannot send"))
		}
	case SCRAMSHA256, SCRAMSHA512:
	default:
		wrong = append(wrong, fmt.Errorf("Connection.Security.SASL.Mechanism: found %q, expected %s, %s or %s",
			s.SASL.Mechanism, PLAIN, SCRAMSHA256, SCRAMSHA512))
	}
	if s.SASL.Username == "" {
		wrong = append(wrong, errors.New("Connection.Security.SASL.Username is empty, "+
			"expected the name that the brokers know this service by"))
	}
	if s.SASL.Password == (Secret{}) {
		wrong = append(wrong, errors.New("Connection.Security.SASL.Password is empty, "+
			"expected the password of Connection.Security.SASL.Username"))
	}
	return wrong
}
