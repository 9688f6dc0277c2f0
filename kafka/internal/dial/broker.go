package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
)

// Broker is a connection that Sarama opens, authenticates and speaks on. Exchange sends on it the
// requests that Sarama cannot send. Sarama does not touch a connection between its own requests.
// Sarama and Exchange both wait for an answer before the next request. One goroutine at a time uses
// a Broker.
type Broker struct {
	*sarama.Broker
	config   sarama.Config
	login    login
	throttle time.Time // until then the broker reads no request from this connection
	conn     net.Conn  // with TLS, if there is TLS
	raw      *conn     // without
	timed    timed
	buffered *bufio.Reader
	request  []byte // of the exchange before; the next one has its memory
	asked    int32  // exchanges
	broken   bool
}

// Open opens a connection that Cut and Close of d close. The configuration must dial through d.
func (d *Conns) Open(addr string, config *sarama.Config) (*Broker, error) {
	b := &Broker{Broker: sarama.NewBroker(addr), config: *config}
	// Sarama would put TLS above the dialer's connection, where nobody else could write through it.
	b.config.Net.Proxy.Dialer = &opening{
		broker: b, through: d, tls: config.Net.TLS.Enable,
		config: config.Net.TLS.Config,
	}
	b.config.Net.TLS.Enable, b.config.Net.TLS.Config = false, nil
	if err := b.Open(&b.config); err != nil {
		return nil, err
	}
	if _, err := b.Connected(); err != nil {
		return nil, fmt.Errorf("connect to broker %s: %w", addr, err)
	}
	if config.Net.SASL.Enable {
		b.login = loginOf(b.Broker)
	}
	return b, nil
}

// opening dials the connection of a Broker.
type opening struct {
	broker  *Broker
	through *Conns
	tls     bool
	config  *tls.Config
}

// Dial is what Sarama calls.
func (o *opening) Dial(network, addr string) (net.Conn, error) {
	c, err := o.through.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	b := o.broker
	b.raw, _ = c.(*conn)
	if o.tls {
		if c, err = shake(c, named(o.config, addr), b.config.Net.DialTimeout); err != nil {
			return nil, err
		}
	}
	b.conn = c
	b.timed = timed{conn: c}
	b.buffered = bufio.NewReader(&b.timed)
	return c, nil
}

// shake puts TLS onto the connection, or closes it.
func shake(c net.Conn, config *tls.Config, wait time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	t := tls.Client(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return t, nil
}

// named returns the configuration with the name of the server that is dialled, as Sarama does.
func named(config *tls.Config, addr string) *tls.Config {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName != "" {
		return config
	}
	config = config.Clone()
	config.ServerName, _, _ = net.SplitHostPort(addr) // it was dialled, so it has a port
	return config
}

// Broken reports whether an exchange has failed on the way. Then the connection cannot be used any
// more.
func (b *Broker) Broken() bool { return b.broken }

// firstExchange is the correlation id before that of the first exchange. It is far from Sarama's,
// which begin with 0.
const firstExchange = 1 << 30

// Exchange sends a request with a header of version 1, and calls read with its answer. The body is
// the parts, one after the other. read must read the whole answer. wait is how much longer the
// broker may take than the configuration allows for an answer. After an error, Exchange closes the
// connection, unless read failed and had read the whole answer.
func (b *Broker) Exchange(
	key, version int16, wait time.Duration, read func(*Answer) error, body ...[]byte,
) error {
	b.renewLogin()
	wait += b.throttled()
	b.asked++
	id := firstExchange | b.asked&(firstExchange-1)
	var apart [][]byte
	b.request, apart = appendRequest(b.request[:0], key, version, id, b.config.ClientID, body)
	a, err := b.exchange(b.request, apart, id, wait)
	if err == nil {
		if err = read(a); err != nil && a.failed == nil && a.left == 0 {
			return err // the error is in the answer, not of the connection
		}
	}
	if err == nil {
		err = a.end()
	}
	if err != nil {
		b.broken = true
		_ = b.conn.Close()
		err = fmt.Errorf("request %d of version %d to broker %s: %w", key, version, b.Addr(), err)
	}
	return err
}

// Throttle notes what an answer says of the time for which the broker reads no other request from
// this connection, in milliseconds. A client that is over its quota has to wait.
// https://kafka.apache.org/documentation/#design_quotas
func (b *Broker) Throttle(milliseconds int32) {
	if milliseconds > 0 {
		b.throttle = clock.Reading().Add(time.Duration(milliseconds) * time.Millisecond)
	}
}

// throttled returns how much longer an answer takes because the client is over its quota.
func (b *Broker) throttled() time.Duration {
	if b.throttle.IsZero() {
		return 0
	}
	left := b.throttle.Sub(clock.Reading())
	if left <= 0 {
		b.throttle = time.Time{}
		return 0
	}
	b.raw.throttled(left)
	return left
}

// sentApart is from how many bytes on a part of a request is not copied behind the others, but sent
// by itself. To send it costs less than to copy it then.
const sentApart = 64 << 10

// appendRequest appends the bytes of a request to r, which is empty, but for the last parts of the
// body, which it returns.
func appendRequest(
	r []byte, key, version int16, id int32, client string, body [][]byte,
) (request []byte, apart [][]byte) {
	r = append(r, 0, 0, 0, 0) // the length, see below
	r = binary.BigEndian.AppendUint16(r, uint16(key))
	r = binary.BigEndian.AppendUint16(r, uint16(version))
	r = binary.BigEndian.AppendUint32(r, uint32(id))
	r = binary.BigEndian.AppendUint16(r, uint16(len(client)))
	r = append(r, client...)
	for len(body) > 0 && len(body[0]) < sentApart {
		r = append(r, body[0]...)
		body = body[1:]
	}
	length := len(r) - 4
	for _, part := range body {
		length += len(part)
	}
	binary.BigEndian.PutUint32(r, uint32(length))
	return r, body
}

// exchange sends the request and waits for the beginning of its answer.
func (b *Broker) exchange(request []byte, apart [][]byte, id int32, wait time.Duration) (*Answer, error) {
	if err := b.conn.SetWriteDeadline(clock.Reading().Add(b.config.Net.WriteTimeout)); err != nil {
		return nil, err
	}
	b.raw.patient(wait)
	if _, err := b.conn.Write(request); err != nil {
		return nil, err
	}
	for _, part := range apart {
		if _, err := b.conn.Write(part); err != nil {
			return nil, err
		}
	}
	b.timed.wait = b.config.Net.ReadTimeout + wait
	a := &Answer{from: b.buffered, left: 8}
	length, found := int64(a.Int32()), a.Int32()
	b.timed.wait = b.config.Net.ReadTimeout // between two pieces of it
	switch {
	case a.failed != nil:
		return nil, a.failed
	case length < 4:
		return nil, fmt.Errorf("an answer of %d bytes, expected 4 or more", length)
	case found != id:
		return nil, fmt.Errorf("an answer to request %d, expected %d", found, id)
	}
	a.left = length - 4
	return a, nil
}

// timed reads from a connection, and gives it some time for each piece.
type timed struct {
	conn net.Conn
	wait time.Duration
}

func (t *timed) Read(p []byte) (int, error) {
	if err := t.conn.SetReadDeadline(clock.Reading().Add(t.wait)); err != nil {
		return 0, err
	}
	return t.conn.Read(p)
}

// Answer is a broker's answer, which is read piece by piece. After a failure all numbers are 0, and
// Err returns the failure.
type Answer struct {
	from   *bufio.Reader
	left   int64
	failed error
}

// Err returns why the answer could not be read, or nil.
func (a *Answer) Err() error { return a.failed }

// Left returns how many bytes of the answer are not read.
func (a *Answer) Left() int64 { return a.left }

// Read reads some of the answer, and fails with io.EOF at its end.
func (a *Answer) Read(p []byte) (int, error) {
	if a.failed != nil {
		return 0, a.failed
	}
	if a.left == 0 {
		return 0, io.EOF
	}
	n, err := a.from.Read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	a.failed = err
	return n, err
}

// Fill fills p.
func (a *Answer) Fill(p []byte) error {
	if _, err := io.ReadFull(a, p); err != nil && a.failed == nil {
		a.failed = io.ErrUnexpectedEOF
	}
	return a.failed
}

// Int16 reads a number.
func (a *Answer) Int16() int16 {
	var b [2]byte
	if a.Fill(b[:]) != nil {
		return 0
	}
	return int16(binary.BigEndian.Uint16(b[:]))
}

// Int32 reads a number.
func (a *Answer) Int32() int32 {
	var b [4]byte
	if a.Fill(b[:]) != nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b[:]))
}

// Int64 reads a number.
func (a *Answer) Int64() int64 {
	var b [8]byte
	if a.Fill(b[:]) != nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b[:]))
}

// Text reads a length of 16 bits and then a string of that length.
func (a *Answer) Text() string {
	b := make([]byte, max(a.Int16(), 0))
	if a.Fill(b) != nil {
		return ""
	}
	return string(b)
}

// Drop reads so many bytes and drops them.
func (a *Answer) Drop(n int64) {
	if _, err := io.CopyN(io.Discard, a, n); err != nil && a.failed == nil {
		a.failed = err
	}
}

// end returns why the answer was not read to its end, or nil.
func (a *Answer) end() error {
	if a.failed == nil && a.left > 0 {
		a.failed = fmt.Errorf("%d bytes of the answer are not read", a.left)
	}
	return a.failed
}
