package kafkatest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certificatesDir   = "certificates"
	certificateSuffix = ".crt"
	keySuffix         = ".key"
	certificateLife   = 365 * 24 * time.Hour
)

// certificates are files in PEM format.
type certificates struct {
	dir    string
	ca     string // the authority's certificate
	broker string // the brokers' key and certificate, in one file as Kafka wants it
}

// newCertificates makes an authority, a certificate of it for 127.0.0.1 and localhost, and one for
// each user. It replaces the files that an earlier start has left in the folder.
func newCertificates(data string, users []string) (*certificates, error) {
	dir := filepath.Join(data, certificatesDir)
	c := &certificates{
		dir: dir, ca: filepath.Join(dir, "ca"+certificateSuffix), broker: filepath.Join(dir, "broker.pem"),
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.ca, encodeCertificates(authority.certificate), 0o644); err != nil {
		return nil, err
	}
	certificate, key, err := authority.issue("broker")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.broker, append(key, certificate...), 0o600); err != nil {
		return nil, err
	}
	for _, user := range users {
		if certificate, key, err = authority.issue(user); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, user+certificateSuffix), certificate, 0o644); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, user+keySuffix), key, 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// authority signs certificates.
type authority struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template("kafkatest")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{key: key, certificate: certificate}, err
}

// issue returns a certificate with the authority's behind it, and its key, in PEM format.
func (a *authority) issue(name string) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := template(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return encodeCertificates(&x509.Certificate{Raw: der}, a.certificate), key, nil
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(certificateLife),
	}
}

func encodeCertificates(chain ...*x509.Certificate) []byte {
	var b []byte
	for _, c := range chain {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}
