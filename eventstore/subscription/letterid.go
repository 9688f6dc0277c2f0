package subscription

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNoLetter says that there is no such dead letter, or that it was handled or discarded; see
// [NoLetterError].
var ErrNoLetter = errors.New("no such dead letter")

// NoLetterError says which dead letter was not found. It matches [ErrNoLetter].
type NoLetterError struct{ ID LetterID }

// Error says what was looked for, and what to do.
func (e *NoLetterError) Error() string {
	return fmt.Sprintf("no dead letter %s: it was never one, or was handled or discarded; "+
		"list them to see those there are", e.ID)
}

// Is matches [ErrNoLetter].
func (e *NoLetterError) Is(target error) bool { return target == ErrNoLetter }

// LetterID names a dead letter: an event, by its place, and the handler that did not handle it.
type LetterID struct {
	Handler   string // the group
	Topic     string // the category's; the name of the category in a store without topics
	Partition int32
	Offset    int64
}

// String returns the id as "handler/topic/partition/offset".
func (id LetterID) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", id.Handler, id.Topic, id.Partition, id.Offset)
}

// ParseLetterID reads what String returns.
func ParseLetterID(text string) (LetterID, error) {
	wrong := fmt.Errorf("dead letter id %q: expected handler/topic/partition/offset", text)
	parts := strings.Split(text, "/")
	n := len(parts)
	if n < 4 {
		return LetterID{}, wrong
	}
	partition, err := strconv.ParseInt(parts[n-2], 10, 32)
	if err != nil {
		return LetterID{}, wrong
	}
	offset, err := strconv.ParseInt(parts[n-1], 10, 64)
	if err != nil {
		return LetterID{}, wrong
	}
	return LetterID{
		Handler: strings.Join(parts[:n-3], "/"), Topic: parts[n-3], Partition: int32(partition), Offset: offset,
	}, nil
}
