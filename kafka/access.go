package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// What brokers refuse for good. Nothing is tried again after one of these, while a store opens.
var (
	// ErrSecurity says that brokers and this service do not accept each other. The error is a *[SecurityError].
	ErrSecurity = errors.New("the connection's security does not fit the broker's")
	// ErrPermission says that an ACL is missing. The error is a *[PermissionError].
	ErrPermission = errors.New("permission denied")
)

// SecurityError says why a broker and this service do not accept each other: a wrong password, an unknown authority, a
// certificate for another name, a listener of another kind. It matches [ErrSecurity].
type SecurityError struct {
	Broker string // the address; empty if a connection to one of several failed
	Uses   string // what this service uses, see [Security.String]
	Found  string
	Do     string
	Err    error
}

// Error says what was found and what to do. It holds no secret.
func (e *SecurityError) Error() string {
	broker := ""
	if e.Broker != "" {
		broker = " to broker " + e.Broker
	}
	return fmt.Sprintf("connect%s with %s: %s; %s (%v)", broker, e.Uses, e.Found, e.Do, e.Err)
}

// Unwrap returns what the network, TLS or the broker said.
func (e *SecurityError) Unwrap() error { return e.Err }

// Is matches [ErrSecurity].
func (e *SecurityError) Is(target error) bool { return target == ErrSecurity }

// PermissionError says which permission this service lacks. It matches [ErrPermission].
type PermissionError struct {
	Operation string // as Kafka's ACLs call it, such as DescribeConfigs
	Resource  string // "topic", "group", "transactional id" or "cluster"
	Name      string // of the resource; empty for the cluster
	Uses      string // how this service came in, see [Security.String]
	Err       error
}

// Error names the permission.
func (e *PermissionError) Error() string {
	need := access.Need{Operation: e.Operation, Resource: e.Resource, Name: e.Name}
	return fmt.Sprintf("this service (%s) has no permission for %s: add an ACL that allows it, see kafka/SECURITY.md (%v)", e.Uses, need, e.Err)
}

// Unwrap returns the broker's answer.
func (e *PermissionError) Unwrap() error { return e.Err }

// Is matches [ErrPermission].
func (e *PermissionError) Is(target error) bool { return target == ErrPermission }

// explain turns what brokers refuse for good into the errors above, and leaves every other error as it is.
func (s Security) explain(err error) error {
	var security *SecurityError
	var permission *PermissionError
	if err == nil || errors.As(err, &security) || errors.As(err, &permission) {
		return err
	}
	var denied *access.DeniedError
	if errors.As(err, &denied) {
		n := denied.Need
		return &PermissionError{Operation: n.Operation, Resource: n.Resource, Name: n.Name, Uses: s.String(), Err: denied.Err}
	}
	if m, ok := access.MismatchOf(err); ok {
		return &SecurityError{Uses: s.String(), Found: m.Found, Do: m.Do, Err: err}
	}
	return err
}

// explainRefusal does so for the reason of a refused commit.
func (s Security) explainRefusal(err error) error {
	var refused *RefusedError
	if err == nil || !errors.As(err, &refused) {
		return err
	}
	return &RefusedError{Topic: refused.Topic, Partition: refused.Partition, Err: s.explain(refused.Err)}
}

// greetGrace is how long other brokers may take when one has answered.
const greetGrace = 500 * time.Millisecond

// greet connects to all brokers at the same time, and returns those that answer at once: Sarama asks one after the other, and one that hangs would
// hold up those behind it. It returns a *[SecurityError] if none accepts this client, or this client none: Sarama would try every broker
// again and again, and lose what the reason was. If none is there, it returns all, for the next attempt.
func greet(ctx context.Context, cfg Config, s *sarama.Config) (there []string, err error) {
	own := *s
	conns := dial.Use(&own)
	defer conns.Close()
	defer conns.CutWhenDone(ctx)()
	type greeting struct {
		n   int
		err error
	}
	greetings := make(chan greeting, len(cfg.Brokers))
	for n, addr := range cfg.Brokers {
		go func() {
			_, err := hello(ctx, addr, &own, cfg.topicNames())
			greetings <- greeting{n, err}
		}()
	}
	found := make([]error, len(cfg.Brokers))
	answered := make([]bool, len(cfg.Brokers))
	var late <-chan time.Time // nil until one has answered
	end := func() {}
	defer func() { end() }()
	for range cfg.Brokers {
		select {
		case g := <-greetings:
			found[g.n], answered[g.n] = g.err, g.err == nil
			if g.err == nil && late == nil {
				late, end = clock.Every(greetGrace)
			}
			continue
		case <-late:
		}
		break
	}
	for n, addr := range cfg.Brokers {
		if answered[n] {
			there = append(there, addr)
		}
	}
	if len(there) > 0 {
		return there, nil
	}
	for n, addr := range cfg.Brokers {
		var mismatch *mismatchError
		if errors.As(found[n], &mismatch) {
			return nil, &SecurityError{
				Broker: addr, Uses: cfg.Security.String(), Found: mismatch.Found, Do: mismatch.Do, Err: mismatch.err,
			}
		}
	}
	return cfg.Brokers, nil
}

// mismatchError is an error with what it means.
type mismatchError struct {
	access.Mismatch

	err error
}

func (e *mismatchError) Error() string { return e.Found + ": " + e.err.Error() }

func (e *mismatchError) Unwrap() error { return e.err }

// hello connects and asks about topics, which a stranger is not told. It returns a *mismatchError if broker and client do not fit.
func hello(ctx context.Context, addr string, s *sarama.Config, topics []string) (*sarama.MetadataResponse, error) {
	b := sarama.NewBroker(addr)
	if err := b.Open(s); err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	var found *sarama.MetadataResponse
	_, err := b.Connected() // once the versions were asked for, which strangers are told
	connected := err == nil
	if connected {
		found, err = b.GetMetadata(sarama.NewMetadataRequest(s.Version, topics))
	}
	if err == nil {
		return found, nil
	}
	m, ok := access.MismatchOf(err)
	if !ok && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		// Brokers close the connection, without a word, on what they do not understand.
		switch tls := s.Net.TLS.Enable; {
		case connected:
			m, ok = access.NeedsSASL(), !s.Net.SASL.Enable
		case tls:
			m, ok = access.NoTLS(), speaksPlaintext(addr, s)
		default:
			m, ok = access.NeedsTLS(), speaksTLS(ctx, addr, s)
		}
	}
	if ok {
		err = &mismatchError{m, err}
	}
	return nil, err
}

// speaksPlaintext reports whether the listener tells its versions without TLS.
func speaksPlaintext(addr string, s *sarama.Config) bool {
	plain := *s
	plain.Net.TLS.Enable, plain.Net.SASL.Enable = false, false
	b := sarama.NewBroker(addr)
	if b.Open(&plain) != nil {
		return false
	}
	defer func() { _ = b.Close() }()
	_, err := b.Connected()
	return err == nil
}

// speaksTLS reports whether the listener answers the beginning of a TLS handshake. No data is sent over the connection, so
// whose certificate it shows does not matter.
func speaksTLS(ctx context.Context, addr string, s *sarama.Config) bool {
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: s.Net.DialTimeout},
		Config:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}
	ctx, cancel := context.WithTimeout(ctx, s.Net.DialTimeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err == nil {
		_ = conn.Close()
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" // an alert is TLS
}
