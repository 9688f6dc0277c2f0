package kafka

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

// security reads what [Security] is to be. What would be ignored, such as a password without SASL, is a mistake: whoever
// set it believes the connection to be safer than it is.
func (e *environment) security() connection.Security {
	protocol := e.oneOf(EnvSecurityProtocol, connection.Plaintext, connection.SSL, connection.SASLPlaintext, connection.SASLSSL)
	if protocol == "" && e.getenv(EnvSecurityProtocol) != "" {
		return connection.Security{} // reported; what should go with it is not known
	}
	var s connection.Security
	if protocol == connection.SSL || protocol == connection.SASLSSL {
		s.TLS = e.tls()
	} else {
		e.unused(protocol, "SSL or SASL_SSL", EnvCA, EnvCertificate, EnvKey)
	}
	if protocol == connection.SASLPlaintext || protocol == connection.SASLSSL {
		s.SASL = e.sasl()
	} else {
		e.unused(protocol, "SASL_SSL or SASL_PLAINTEXT", EnvSASLMechanism, EnvSASLUsername, EnvSASLPassword, EnvSASLPasswordFile)
	}
	return s
}

// unused reports variables that are set in vain.
func (e *environment) unused(protocol, needed string, variables ...string) {
	if protocol == "" {
		protocol = connection.Plaintext + ", the default"
	}
	for _, v := range variables {
		if e.getenv(v) != "" {
			e.mistake(v, "a value", fmt.Sprintf("none, as %s is %s; did you mean %s there?", EnvSecurityProtocol, protocol, needed))
		}
	}
}

func (e *environment) sasl() *connection.SASL {
	s := &connection.SASL{
		Mechanism: connection.Mechanism(e.oneOf(EnvSASLMechanism, string(connection.PLAIN), string(connection.SCRAMSHA256), string(connection.SCRAMSHA512))),
		Username:  e.getenv(EnvSASLUsername),
		Password:  connection.NewSecret(e.password()),
	}
	if e.getenv(EnvSASLMechanism) == "" {
		e.mistake(EnvSASLMechanism, notSet, "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512: the one that the brokers' listener offers")
	}
	if s.Username == "" {
		e.mistake(EnvSASLUsername, notSet, "the name that the brokers know this service by")
	}
	if s.Mechanism == connection.PLAIN && strings.ContainsRune(s.Username, 0) {
		e.mistake(EnvSASLUsername, "a zero byte", "a name without one, which PLAIN cannot send")
	}
	return s
}

// password returns the password, from wherever it is.
func (e *environment) password() string {
	text, file := e.getenv(EnvSASLPassword), e.getenv(EnvSASLPasswordFile)
	source := EnvSASLPassword
	switch {
	case text != "" && file != "":
		e.mistake(EnvSASLPassword, "a password, and a file in "+EnvSASLPasswordFile, "one of the two")
		return ""
	case text == "" && file == "":
		e.mistake(EnvSASLPassword, notSet, "the password, or the file that holds it in "+EnvSASLPasswordFile)
		return ""
	case file != "":
		source = EnvSASLPasswordFile
		b, ok := e.file(EnvSASLPasswordFile, "the file that holds the password")
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

func (e *environment) tls() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.getenv(EnvCA) != "" {
		if b, ok := e.file(EnvCA, "a file of certificates"); ok {
			c.RootCAs = x509.NewCertPool()
			if !c.RootCAs.AppendCertsFromPEM(b) {
				e.mistake(EnvCA, "a file without a certificate", "one or more certificates in PEM format (-----BEGIN CERTIFICATE-----)")
			}
		}
	}
	if certificate, ok := e.certificate(); ok {
		c.Certificates = []tls.Certificate{certificate}
	}
	return c
}

// certificate returns this service's certificate with its key, if there is one.
func (e *environment) certificate() (tls.Certificate, bool) {
	hasCertificate, hasKey := e.getenv(EnvCertificate) != "", e.getenv(EnvKey) != ""
	switch {
	case !hasCertificate && !hasKey:
		return tls.Certificate{}, false
	case !hasKey:
		e.mistake(EnvKey, notSet, "the file of the private key that belongs to "+EnvCertificate)
		return tls.Certificate{}, false
	case !hasCertificate:
		e.mistake(EnvCertificate, notSet, "the file of the certificate that belongs to "+EnvKey)
		return tls.Certificate{}, false
	}
	certificate, readable := e.file(EnvCertificate, "a file of certificates")
	key, readableKey := e.file(EnvKey, "a file of a private key")
	if !readable || !readableKey {
		return tls.Certificate{}, false
	}
	if encrypted(key) {
		e.mistake(EnvKey, "a key that is encrypted with a password",
			"one that is not, in a file that only this service may read (openssl pkey -in encrypted.key -out plain.key)")
		return tls.Certificate{}, false
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		e.mistake(EnvCertificate, "files that are no pair ("+err.Error()+")",
			"a certificate, and in "+EnvKey+" its private key, both in PEM format")
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

// file returns what the file holds that a variable names. Its path is not shown: the secret itself may stand in its place by mistake.
func (e *environment) file(variable, want string) ([]byte, bool) {
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
	f, err := os.Open(path) //nolint:gosec // whoever sets the environment names the file
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
