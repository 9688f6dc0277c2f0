package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// greetGrace is how long other brokers may take when one has answered.
const greetGrace = 500 * time.Millisecond

// greet connects to all brokers at the same time, and returns those that answer at once. Sarama
// asks one broker after the other, so one that hangs would hold up the next. greet asks about
// topics, as [Hello] does.
//
// It fails with a *[connection.SecurityError] if no broker accepts this client, or this client
// accepts no broker. Sarama would try every broker again and again, and lose the reason. If no
// broker is there, greet returns all, for the next attempt.
func greet(
	ctx context.Context, cfg connection.Config, s *sarama.Config, topics []string,
) (there []string, err error) {
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
			_, err := Hello(ctx, addr, &own, topics)
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
		var mismatch *MismatchError
		if errors.As(found[n], &mismatch) {
			return nil, &connection.SecurityError{
				Broker: addr, Uses: cfg.Security.String(), Found: mismatch.Found, Do: mismatch.Do, Err: mismatch.Err,
			}
		}
	}
	return cfg.Brokers, nil
}

// MismatchError is an error of opening a connection, with what it means.
type MismatchError struct {
	access.Mismatch

	Err error
}

// Error says what was found.
func (e *MismatchError) Error() string { return e.Found + ": " + e.Err.Error() }

// Unwrap returns what the network, TLS or the broker said.
func (e *MismatchError) Unwrap() error { return e.Err }

// Hello connects to the broker at addr and asks about topics. Brokers do not tell those to
// strangers. It fails with a *[MismatchError] if broker and client do not fit.
func Hello(ctx context.Context, addr string, s *sarama.Config, topics []string) (*sarama.MetadataResponse, error) {
	b := sarama.NewBroker(addr)
	if err := b.Open(s); err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	var found *sarama.MetadataResponse
	_, err := b.Connected() // it has asked for the versions, which brokers tell to strangers
	connected := err == nil
	if connected {
		found, err = b.GetMetadata(sarama.NewMetadataRequest(s.Version, topics))
	}
	if err == nil {
		return found, nil
	}
	m, ok := access.MismatchOf(err)
	if !ok && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		// If brokers do not understand something, they close the connection without a word.
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
		err = &MismatchError{Mismatch: m, Err: err}
	}
	return nil, err
}

// speaksPlaintext reports whether the listener answers without TLS.
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

// speaksTLS reports whether the listener answers the beginning of a TLS handshake. It sends no data
// over the connection, so any certificate will do.
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
