package deadletter

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// Writer writes to the dead-letter topic. It connects with the first letter.
type Writer struct {
	conn   connection.Config
	used   []string // topics that this process uses: see [client.Hello]
	topic  string
	logger *slog.Logger

	mu       sync.Mutex
	client   *client.Client
	producer sarama.SyncProducer
}

// NewWriter returns a writer to the dead-letter topic. conn must be complete. used are topics that
// the process uses, as [client.Connect] takes them. logger is told which letters are written again.
func NewWriter(conn connection.Config, used []string, topic string, logger *slog.Logger) *Writer {
	return &Writer{conn: conn, used: used, topic: topic, logger: logger}
}

// The pause between two attempts to write a letter.
const (
	firstRewrite = 100 * time.Millisecond
	longRewrite  = 5 * time.Second
)

// Write writes the entry and sets its position. It tries again until the brokers acknowledge the
// entry or ctx ends. An entry that is written twice does no harm.
func (w *Writer) Write(ctx context.Context, e *letters.Entry) error {
	for pause := firstRewrite; ; pause = min(2*pause, longRewrite) {
		err := w.send(ctx, e)
		if err == nil {
			return nil
		}
		w.logger.Warn("dead letter is written again", "topic", w.topic, "after", pause, "error", err)
		if stopped := clock.Wait(ctx, pause); stopped != nil {
			return fmt.Errorf("%w; the last attempt to write to %s: %w", stopped, w.topic, err)
		}
	}
}

func (w *Writer) send(ctx context.Context, e *letters.Entry) error {
	producer, err := w.connected(ctx)
	if err != nil {
		return err
	}
	message := Message(e, w.topic)
	position, err := dial.Promptly(ctx, func() (int64, error) {
		_, offset, err := producer.SendMessage(message)
		return offset, err
	})
	if err == nil {
		e.Position = position
	}
	return err
}

func (w *Writer) connected(ctx context.Context) (sarama.SyncProducer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		return w.producer, nil
	}
	s := client.Sarama(w.conn)
	s.Producer.RequiredAcks = sarama.WaitForAll
	s.Producer.Idempotent = true
	s.Net.MaxOpenRequests = 1 // idempotence needs it
	s.Producer.Return.Successes = true
	s.Producer.Timeout = w.conn.RequestTimeout
	c, err := client.ConnectWith(ctx, w.conn, w.used, s)
	if err != nil {
		return nil, err
	}
	producer, err := sarama.NewSyncProducerFromClient(c)
	if err != nil {
		c.Disconnect()
		return nil, err
	}
	w.client, w.producer = c, producer
	return producer, nil
}

// Close disconnects. It may be called more than once.
func (w *Writer) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		_ = w.producer.Close() // all it was given is answered
		w.client.Disconnect()
		w.producer = nil
	}
}
