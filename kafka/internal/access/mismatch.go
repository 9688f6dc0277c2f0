package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/IBM/sarama"
)

// Mismatch says why a broker and a client do not fit, and what to do.
type Mismatch struct {
	Found string
	Do    string
}

// MismatchOf returns what is wrong if err, of opening a connection, stays until somebody changes a
// setting. Each such error comes before a request is sent on the connection.
func MismatchOf(err error) (Mismatch, bool) {
	if m, ok := certificate(err); ok {
		return m, true
	}
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return Mismatch{
			"the broker refuses the username or the password",
			"check both, the mechanism they are meant for, and that the user exists on this cluster",
		}, true
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return Mismatch{
			"the broker's listener does not offer this SASL mechanism",
			"use one of its sasl.enabled.mechanisms",
		}, true
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return Mismatch{
			"the broker's listener takes no SASL",
			"connect to the port of a SASL listener, or connect without SASL",
		}, true
	case errors.As(err, &record):
		return NoTLS(), true
	case errors.As(err, &op) && op.Op == "remote error": // how crypto/tls marks the other side's alert
		return Mismatch{
			fmt.Sprintf("the broker breaks TLS off: %v", op.Err),
			"the listener may ask for a client certificate: show one that its authority has " +
				"signed and that is valid today",
		}, true
	}
	return Mismatch{}, false
}

// NoTLS says that a client speaks TLS and the broker does not.
func NoTLS() Mismatch {
	return Mismatch{
		"the broker's listener speaks no TLS",
		"connect to the port of an SSL or SASL_SSL listener, or connect without TLS",
	}
}

// NeedsTLS says that the broker speaks TLS and the client does not.
func NeedsTLS() Mismatch {
	return Mismatch{
		"the broker's listener speaks TLS only",
		"connect with TLS, or to the port of another listener",
	}
}

// NeedsSASL says that the broker wants to know who the client is.
func NeedsSASL() Mismatch {
	return Mismatch{
		"the broker's listener lets nobody in without SASL",
		"give a SASL mechanism, username and password, or connect to the port of another listener",
	}
}

// certificate returns what is wrong with the broker's certificate.
func certificate(err error) (Mismatch, bool) {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return Mismatch{
			"the broker's certificate is signed by an authority that is not trusted",
			"name the file of the authority's certificate (KAFKA_SSL_CA_LOCATION)",
		}, true
	case errors.As(err, &host):
		return Mismatch{
			fmt.Sprintf("the broker's certificate is not for the name that was dialled, %s: %v", host.Host, err),
			"use addresses that the certificate names, both in KAFKA_BROKERS and as the broker's advertised.listeners",
		}, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Mismatch{
			"the broker's certificate is not valid now",
			"renew it, or set the clock of this machine",
		}, true
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return Mismatch{"the broker's certificate is not accepted", "have the broker show a certificate that is"}, true
	}
	return Mismatch{}, false
}
