package proxy

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxFrame is far above the frames that brokers take and send.
const maxFrame = 64 << 20

// session is one connection of the client and its continuation to the broker.
type session struct {
	link   *Link
	client net.Conn
	broker net.Conn
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once

	mu    sync.Mutex
	asked map[int32]request // correlation id → the request, if its answer matters
}

type request struct{ key, version int16 }

// cut ends the session at once.
func (s *session) cut() {
	s.once.Do(func() {
		s.cancel()
		_ = s.client.Close()
	})
}

// requests passes on the frames that the client sends. If the client leaves, frames that it sent
// before still reach the broker, even if they are held back for long. A packet does not know that
// its sender has died. Then the broker reads the end, and ends the session.
func (s *session) requests() {
	defer s.endRequests()
	for {
		frame, err := readFrame(s.client)
		if err != nil {
			return
		}
		if len(frame) >= 12 {
			s.remember(frame)
		}
		if !s.pass(func(w Weather) bool { return w.HoldRequests }) {
			return
		}
		if _, err := s.broker.Write(frame); err != nil {
			return
		}
	}
}

func (s *session) endRequests() {
	if tcp, ok := s.broker.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

// answers passes on the frames that the broker sends, until one of the sides closes.
func (s *session) answers() {
	for {
		frame, err := readFrame(s.broker)
		if err != nil {
			return
		}
		frame, lose, err := s.rewrite(frame)
		if err != nil || lose {
			return
		}
		if !s.pass(func(w Weather) bool { return w.HoldAnswers }) {
			return
		}
		if _, err := s.client.Write(frame); err != nil {
			return
		}
	}
}

// pass waits as the weather wants, and reports whether the session still stands.
func (s *session) pass(held func(Weather) bool) bool {
	delayed := false
	for {
		w, changed := s.link.current()
		var timer <-chan time.Time
		switch {
		case held(w):
		case w.Delay > 0 && !delayed:
			delayed = true
			timer = time.After(w.Delay)
		default:
			return s.ctx.Err() == nil
		}
		select {
		case <-changed:
			delayed = false
		case <-timer:
		case <-s.ctx.Done():
			return false
		}
	}
}

// readFrame returns the next frame with its length in front.
func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return nil, fmt.Errorf("proxy: a frame of %d bytes", n)
	}
	frame := make([]byte, 4+n)
	copy(frame, size[:])
	_, err := io.ReadFull(r, frame[4:])
	return frame, err
}

// remember notes a request whose answer matters.
func (s *session) remember(frame []byte) {
	key := kmsg.Key(binary.BigEndian.Uint16(frame[4:]))
	switch key {
	case kmsg.Produce, kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.EndTxn, kmsg.Metadata, kmsg.FindCoordinator:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked[int32(binary.BigEndian.Uint32(frame[8:]))] = request{
			int16(key),
			int16(binary.BigEndian.Uint16(frame[6:])),
		}
	default:
		// No other request of Sarama changes the log, or is answered with addresses.
	}
}

// rewrite puts the proxy's addresses in the place of the brokers', and says whether to lose the
// answer.
func (s *session) rewrite(frame []byte) (out []byte, lose bool, err error) {
	if len(frame) < 8 {
		return frame, false, nil
	}
	id := int32(binary.BigEndian.Uint32(frame[4:]))
	s.mu.Lock()
	asked, ok := s.asked[id]
	delete(s.asked, id)
	s.mu.Unlock()
	if !ok {
		return frame, false, nil
	}
	switch kmsg.Key(asked.key) {
	case kmsg.Produce:
		return frame, s.link.takeLoss(Produce), nil
	case kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.EndTxn:
		return frame, s.link.takeLoss(Claim), nil
	default:
	}
	answer := kmsg.ResponseForKey(asked.key)
	answer.SetVersion(asked.version)
	body := frame[8:]
	if answer.IsFlexible() { // a header of tags follows the correlation id
		b := kbin.Reader{Src: body}
		if n := b.Uvarint(); n != 0 || b.Complete() != nil {
			return nil, false, fmt.Errorf("proxy: %d tags in the header of an answer, expected none", n)
		}
		body = b.Src
	}
	if err := answer.ReadFrom(body); err != nil {
		return nil, false, fmt.Errorf("proxy: answer to %s: %w", kmsg.Key(asked.key).Name(), err)
	}
	if err := s.link.proxy.rename(answer); err != nil {
		return nil, false, err
	}
	out = append(make([]byte, 4, len(frame)+64), frame[4:8]...)
	if answer.IsFlexible() {
		out = append(out, 0)
	}
	out = answer.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, false, nil
}

// rename replaces the addresses in an answer.
func (p *Proxy) rename(answer kmsg.Response) (err error) {
	set := func(host *string, port *int32) {
		if err == nil && *host != "" {
			*host, *port, err = p.own(*host, *port)
		}
	}
	switch r := answer.(type) {
	case *kmsg.MetadataResponse:
		for i := range r.Brokers {
			set(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FindCoordinatorResponse:
		set(&r.Host, &r.Port)
		for i := range r.Coordinators {
			set(&r.Coordinators[i].Host, &r.Coordinators[i].Port)
		}
	}
	return err
}
