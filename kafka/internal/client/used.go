package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/kafka/internal/log"
)

// Used returns why a partition must not be taken for empty, or "" if it is empty. It fails with an
// *[UnseenError] if no broker tells where the partition ends.
func (c *Client) Used(ctx context.Context, topic string, p int32) (why string, err error) {
	end, err := c.End(ctx, topic, p)
	if err != nil {
		return "", &UnseenError{err}
	}
	data := log.Log{Client: c, Pool: c.Reading, Topic: topic, Partition: p}
	for at := int64(0); at < end; {
		records, next, err := data.Read(ctx, at)
		var out *log.RangeError
		var corrupt *log.CorruptError
		if len(records) > 0 || errors.As(err, &out) || errors.As(err, &corrupt) {
			return "holds records, or did", nil
		}
		if err != nil {
			return "", err
		}
		at = next
	}
	return "", nil
}

// UnseenError says that no broker tells where a partition ends.
type UnseenError struct{ Err error }

// Error says why.
func (e *UnseenError) Error() string { return fmt.Sprintf("cannot be looked at: %v", e.Err) }

// Unwrap returns the brokers' answer.
func (e *UnseenError) Unwrap() error { return e.Err }
