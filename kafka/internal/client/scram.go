package client

import (
	"crypto/sha256"
	"crypto/sha512"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"github.com/fencelog/fencelog/kafka/connection"
)

// scramClient is Sarama's side of one SCRAM exchange.
type scramClient struct {
	hash         scram.HashGeneratorFcn
	conversation *scram.ClientConversation
}

var _ sarama.SCRAMClient = (*scramClient)(nil)

// scramHash returns the hash of a mechanism, or nil if it is not SCRAM.
func scramHash(m connection.Mechanism) scram.HashGeneratorFcn {
	switch m {
	case connection.SCRAMSHA256:
		return sha256.New
	case connection.SCRAMSHA512:
		return sha512.New
	case connection.PLAIN:
	}
	return nil
}

// Begin starts an exchange. It does not normalize name and password: RFC 5802 asks for that, and
// Kafka does not do it. If the library could not normalize a password, its error would quote the
// password.
func (c *scramClient) Begin(username, password, authzID string) error {
	client, err := c.hash.NewClientUnprepped(username, password, authzID)
	if err != nil {
		return err
	}
	c.conversation = client.NewConversation()
	return nil
}

// Step answers the broker's challenge.
func (c *scramClient) Step(challenge string) (string, error) { return c.conversation.Step(challenge) }

// Done reports whether the exchange is over.
func (c *scramClient) Done() bool { return c.conversation.Done() }
