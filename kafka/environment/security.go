package environment

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/kafka/connection"
)

// maxFileBytes bounds a file that a variable names.
const maxFileBytes = 1 << 20

// security reads the variables of [connection.Security]. A variable that would be ignored, such as
// a password without SASL, is a mistake. The person who set it believes the connection to be safer
// than it is.
func (e *reader) security() connection.Security {
	protocol := e.oneOf(SecurityProtocol, connection.Plaintext, connection.SSL, connection.SASLPlaintext,
		connection.SASLSSL)
	if protocol == "" && e.getenv(SecurityProtocol) != "" {
		return connection.Security{} // reported; no other variable can be judged without it
	}
	var s connection.Security
	if protocol == connection.SSL || protocol == connection.SASLSSL {
		s.TLS = e.tls()
	} else {
		e.unused(protocol, "SSL or SASL_SSL", CA, Certificate, Key)
	}
	if protocol == connection.SASLPlaintext || protocol == connection.SASLSSL {
		s.SASL = e.sasl()
	} else {
		e.unused(protocol, "SASL_SSL or SASL_PLAINTEXT", SASLMechanism, SASLUsername, SASLPassword, SASLPasswordFile)
	}
	return s
}

// unused reports variables that are set and have no effect.
func (e *reader) unused(protocol, needed string, variables ...string) {
	if protocol == "" {
		protocol = connection.Plaintext + ", the default"
	}
	for _, v := range variables {
		if e.getenv(v) != "" {
			e.mistake(v, "a value", fmt.Sprintf("none, as %s is %s; did you mean %s there?", SecurityProtocol, protocol,
				needed))
		}
	}
}

func (e *reader) sasl() *connection.SASL {
	s := &connection.SASL{
		Mechanism: connection.Mechanism(e.oneOf(SASLMechanism, string(connection.PLAIN), string(connection.SCRAMSHA256),
			string(connection.SCRAMSHA512))),
		Username: e.getenv(SASLUsername),
		Password: connection.NewSecret(e.password()),
	}
	if e.getenv(SASLMechanism) == "" {
		e.mistake(SASLMechanism, notSet, "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512: "+
			"the one that the brokers' listener offers")
	}
	if s.Username == "" {
		e.mistake(SASLUsername, notSet, "the name that the brokers know this service by")
	}
	if s.Mechanism == connection.PLAIN && strings.ContainsRune(s.Username, 0) {
		e.mistake(SASLUsername, "a zero byte", "a name without one, which PLAIN cannot send")
	}
	return s
}

// password returns the password from its variable, or from its file.
func (e *reader) password() string {
	text, file := e.getenv(SASLPassword), e.getenv(SASLPasswordFile)
	source := SASLPassword
	switch {
	case text != "" && file != "":
		e.mistake(SASLPassword, "a password, and a file in "+SASLPasswordFile, "one of the two")
		return ""
	case text == "" && file == "":
		e.mistake(SASLPassword, notSet, "the password, or the file that holds it in "+SASLPasswordFile)
		return ""
	case file != "":
		source = SASLPasswordFile
		b, ok := e.file(SASLPasswordFile, "the file that holds the password")
		if !ok {
			return ""
		}
		text = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if text == "" {
			e.mistake(source, "an empty file", "the password in it")
		}
	}
	if strings.ContainsRune(text, 0) {
		e.mistake(source, "a zero byte in the password", "a password without one, which PLAIN cannot send")
		return ""
	}
	return text
}

func (e *reader) tls() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.getenv(CA) != "" {
		if b, ok := e.file(CA, "a file of certificates"); ok {
			c.RootCAs = x509.NewCertPool()
			if !c.RootCAs.AppendCertsFromPEM(b) {
				e.mistake(CA, "a file without a certificate",
					"one or more certificates in PEM format (-----BEGIN CERTIFICATE-----)")
			}
		}
	}
	if certificate, ok := e.certificate(); ok {
		c.Certificates = []tls.Certificate{certificate}
	}
	return c
}

// certificate returns this service's certificate with its key, if there is one.
func (e *reader) certificate() (tls.Certificate, bool) {
	hasCertificate, hasKey := e.getenv(Certificate) != "", e.getenv(Key) != ""
	switch {
	case !hasCertificate && !hasKey:
		return tls.Certificate{}, false
	case !hasKey:
		e.mistake(Key, notSet, "the file of the private key that belongs to "+Certificate)
		return tls.Certificate{}, false
	case !hasCertificate:
		e.mistake(Certificate, notSet, "the file of the certificate that belongs to "+Key)
		return tls.Certificate{}, false
	}
	certificate, readable := e.file(Certificate, "a file of certificates")
	key, readableKey := e.file(Key, "a file of a private key")
	if !readable || !readableKey {
		return tls.Certificate{}, false
	}
	if encrypted(key) {
		e.mistake(Key, "a key that is encrypted with a password",
			"one that is not, in a file that only this service may read (openssl pkey -in "+
				"encrypted.key -out plain.key)")
		return tls.Certificate{}, false
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		e.mistake(Certificate, "files that are no pair ("+err.Error()+")",
			"a certificate, and in "+Key+" its private key, both in PEM format")
		return tls.Certificate{}, false
	}
	return pair, true
}

func encrypted(key []byte) bool {
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return true
		}
	}
	return false
}

// file returns the content of the file that a variable names. Errors do not show the path: a person
// may have put the secret itself in its place.
func (e *reader) file(variable, want string) ([]byte, bool) {
	b, err := readFile(e.getenv(variable))
	if err == nil {
		return b, true
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	e.mistake(variable, "a path that cannot be read ("+err.Error()+")", want)
	return nil, false
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the person who sets the environment names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(b) > maxFileBytes {
		return nil, errors.New("it is larger than " + strconv.Itoa(maxFileBytes) + " bytes")
	}
	return b, err
}
