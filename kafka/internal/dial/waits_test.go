package dial_test

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// lines is what a logger has written.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// broker answers each byte that it reads with the same byte. It answers an "s" only when released
// is closed.
func broker(t *testing.T, released chan struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer c.Close()
				b := make([]byte, 1)
				for {
					if _, err := io.ReadFull(c, b); err != nil {
						return
					}
					if b[0] == 's' {
						<-released
					}
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { require.NoError(t, l.Close()); group.Wait() })
	return l.Addr().String()
}

func connect(t *testing.T, d *dial.Conns, addr string) net.Conn {
	t.Helper()
	c, err := d.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func told(d *dial.Conns) *lines {
	var out lines
	d.Tell(slog.New(slog.NewTextHandler(&out, nil)))
	return &out
}

const (
	waiting = "waiting for a broker that does not answer"
	again   = "broker answers again"
)

// An answer to one connection is no answer to another. A long wait is logged at intervals that
// double, and once when it is over.
func TestALongWaitIsToldEverMoreSeldom(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	addr := broker(t, released)
	d := dial.Use(sarama.NewConfig())
	defer d.Close()
	out := told(d)
	silent, talking := connect(t, d, addr), connect(t, d, addr)
	_, err := silent.Write([]byte("s"))
	require.NoError(t, err)
	b, begun := make([]byte, 1), time.Now()
	require.Eventually(t, func() bool {
		if _, err := talking.Write([]byte("x")); err != nil {
			return false
		}
		_, err := io.ReadFull(talking, b)
		return err == nil && out.count(waiting) == 2
	}, time.Minute, 10*time.Millisecond)
	require.GreaterOrEqual(t, time.Since(begun), 4*time.Second, "after two seconds, and after four")
	require.Zero(t, out.count(again))
	close(released)
	_, err = io.ReadFull(silent, b)
	require.NoError(t, err)
	require.Equal(t, 1, out.count(again))
}

// A broker that holds an answer on purpose is not silent.
func TestWhatIsHeldOnPurposeIsNotTold(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	addr := broker(t, released)
	c := sarama.NewConfig()
	root := dial.Use(c)
	defer root.Close()
	out := told(root)
	patient, other := dial.Use(c), dial.Use(c)
	patient.Patient(time.Hour)
	defer patient.Close()
	defer other.Close()
	held, silent := connect(t, patient, addr), connect(t, other, addr)
	_, err := held.Write([]byte("s"))
	require.NoError(t, err)
	_, err = silent.Write([]byte("s"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return out.count(waiting) > 0
	}, time.Minute, 10*time.Millisecond, "of the other one")
	require.NoError(t, silent.Close())
	before := out.count(waiting)
	begun := time.Now()
	require.Eventually(t, func() bool { return time.Since(begun) > 5*time.Second }, time.Minute, 100*time.Millisecond)
	require.Equal(t, before, out.count(waiting))
	close(released)
}
