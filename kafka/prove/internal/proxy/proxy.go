package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// Proxy stands between one client and all brokers.
type Proxy struct {
	links   []*Link
	address map[string]string // of a broker → of the link to it
	stop    context.CancelFunc
	group   sync.WaitGroup
}

// Link is the way from the client to one broker.
type Link struct {
	proxy    *Proxy
	broker   string
	listener net.Listener
	ctx      context.Context // the proxy's life

	mu       sync.Mutex
	weather  Weather
	changed  chan struct{} // closed when the weather changes
	loss     Loss          // answers still to be lost
	lost     map[Kind]int
	sessions map[*session]struct{}
}

// Weather is what happens to the frames that pass a link, until it changes. The zero value is a
// link that works.
type Weather struct {
	HoldRequests bool          // what the client sends waits until the weather changes
	HoldAnswers  bool          // what the broker sends waits
	Delay        time.Duration // each frame takes this much longer, in either direction
	Refuse       bool          // new connections are closed at once
}

// New listens on free ports of 127.0.0.1, for one client, and forwards to the brokers until Close.
func New(ctx context.Context, brokers []string) (*Proxy, error) {
	ctx, stop := context.WithCancel(ctx)
	p := &Proxy{address: make(map[string]string, len(brokers)), stop: stop}
	for _, b := range brokers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("proxy for broker %s: %w", b, err)
		}
		p.links = append(p.links, &Link{
			proxy: p, broker: b, listener: l, ctx: ctx, changed: make(chan struct{}),
			sessions: make(map[*session]struct{}),
			lost:     make(map[Kind]int),
		})
		p.address[b] = l.Addr().String()
	}
	for _, l := range p.links {
		p.group.Go(l.accept)
	}
	return p, nil
}

// Brokers returns the addresses for the client, in the order of the brokers.
func (p *Proxy) Brokers() []string {
	var all []string
	for _, l := range p.links {
		all = append(all, l.listener.Addr().String())
	}
	return all
}

// Link returns the way to broker n, in the order given to New.
func (p *Proxy) Link(n int) *Link { return p.links[n] }

// Close cuts all connections and waits until nothing is left.
func (p *Proxy) Close() {
	p.stop()
	for _, l := range p.links {
		_ = l.listener.Close()
		l.Cut()
	}
	p.group.Wait()
}

// Set changes the weather. Frames that were held back pass on, unless the new weather holds them
// too.
func (l *Link) Set(w Weather) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.weather = w
	close(l.changed)
	l.changed = make(chan struct{})
}

// Kind says which requests lose their answers.
type Kind string

// The kinds. A claim or a barrier asks a coordinator for a term, to add a partition, and to end the
// transaction.
const (
	Anything Kind = ""
	Produce  Kind = "produce"
	Claim    Kind = "claim or barrier"
)

// Loss is the loss of answers to requests that the broker carries out. The answers do not arrive,
// and their connections are cut.
type Loss struct {
	Answers int    // how many
	To      Kind   // which
	Then    func() // called for each, before the client can notice; or nil
}

// Lose makes the link lose the answers to the next requests. It replaces the Loss before. The zero
// Loss ends it.
func (l *Link) Lose(loss Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loss = loss
}

// Lost returns how many answers of the kind were lost on purpose so far.
func (l *Link) Lost(to Kind) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == Anything {
		return l.lost[Produce] + l.lost[Claim]
	}
	return l.lost[to]
}

// Cut closes all connections, and drops the frames that they hold back.
func (l *Link) Cut() {
	l.mu.Lock()
	var all []*session
	for s := range l.sessions {
		all = append(all, s)
	}
	l.mu.Unlock()
	for _, s := range all {
		s.cut()
	}
}

// takeLoss reports whether to lose the answer to a request of the kind.
func (l *Link) takeLoss(to Kind) bool {
	then, lost := l.lostOne(to)
	if then != nil {
		then()
	}
	return lost
}

func (l *Link) lostOne(to Kind) (then func(), lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loss.Answers == 0 || l.loss.To != Anything && l.loss.To != to {
		return nil, false
	}
	l.loss.Answers--
	l.lost[to]++
	return l.loss.Then, true
}

func (l *Link) current() (Weather, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.weather, l.changed
}

// accept serves connections until the listener is closed.
func (l *Link) accept() {
	for {
		c, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if w, _ := l.current(); w.Refuse {
			_ = c.Close()
			continue
		}
		l.proxy.group.Go(func() { l.serve(c) })
	}
}

// dialTimeout bounds connecting to a broker, which is on this machine.
const dialTimeout = time.Second

func (l *Link) serve(client net.Conn) {
	ctx, cancel := context.WithCancel(l.ctx)
	s := &session{link: l, client: client, ctx: ctx, cancel: cancel, asked: make(map[int32]request)}
	defer s.cut()
	if !l.add(s) {
		return
	}
	defer l.remove(s)
	dialer := net.Dialer{Timeout: dialTimeout}
	broker, err := dialer.DialContext(ctx, "tcp", l.broker)
	if err != nil {
		return
	}
	s.broker = broker
	context.AfterFunc(ctx, func() { _ = broker.Close() })
	l.proxy.group.Go(s.requests)
	s.answers()
}

func (l *Link) add(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[s] = struct{}{}
	return l.ctx.Err() == nil
}

func (l *Link) remove(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s)
}

// own returns the proxy's address for that of a broker.
func (p *Proxy) own(host string, port int32) (string, int32, error) {
	address, ok := p.address[net.JoinHostPort(host, strconv.Itoa(int(port)))]
	if !ok {
		return "", 0, fmt.Errorf("proxy: broker %s:%d is not known", host, port)
	}
	h, ps, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseInt(ps, 10, 32)
	return h, int32(n), err
}
