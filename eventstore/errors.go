package eventstore

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels for errors.Is. The first three stand for error types that carry the facts.
var (
	// ErrConflict: something is not as the commit expects; see [ConflictError] and
	// [CommandConflictError].
	ErrConflict = errors.New("version conflict")
	// ErrInvalid: the input breaks a rule; see [InvalidError].
	ErrInvalid = errors.New("invalid input")
	// ErrCommandReused: the partition key holds another commit with this command id; see
	// [CommandReusedError].
	ErrCommandReused = errors.New("command id used for another command")
	// ErrNotOwner: another process has become the only writer of the stream's partition. Nothing
	// was appended. A retry in this process fails, too.
	ErrNotOwner = errors.New("not the owner of the partition")
	// ErrOutcomeUnknown: the commit may or may not be stored. To find out, append it again with the
	// same command id, or load the stream.
	ErrOutcomeUnknown = errors.New("outcome of the append is unknown")
	// ErrUndecodable: a stored event cannot be decoded. A retry fails, too, until somebody deploys
	// or mends something. A retry may succeed only if the error also wraps one whose method
	// Unavailable() bool returns true. That is so while a schema registry is away.
	ErrUndecodable = errors.New("event cannot be decoded")
	// ErrUnknownEvent: this program does not know the type, the revision or the schema of a stored
	// event; another release may know it. Errors that match ErrUnknownEvent also match
	// ErrUndecodable.
	ErrUnknownEvent = errors.New("event of a type, revision or schema that this program does not know")
	// ErrClosed: the store was closed. Nothing was appended.
	ErrClosed = errors.New("event store is closed")
)

// ConflictError says that a stream does not stand at the version that an append expected. Nothing
// was appended. It matches [ErrConflict].
type ConflictError struct {
	Stream   Stream
	Expected Expected
	Actual   int64 // the stream's version
}

// Error says what was found, what was expected, and what to do.
func (e *ConflictError) Error() string {
	if int64(e.Expected) == e.Actual { // what a Tip rested on was not stored, or another event is there
		return fmt.Sprintf("stream %s at version %d is not what the decision rests on: load it again and decide anew",
			e.Stream, e.Actual)
	}
	return fmt.Sprintf("stream %s is at version %d, expected %d: load it again and decide anew",
		e.Stream, e.Actual, int64(e.Expected))
}

// Is matches [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// CommandConflictError says that a command is applied and the commit expected that it is not, or
// the other way round. Nothing was appended. It matches [ErrConflict].
type CommandConflictError struct {
	Stream    Stream // one of the partition key's
	CommandID string
	Applied   bool // whether it is applied
}

// Error says what was found, what was expected, and what to do.
func (e *CommandConflictError) Error() string {
	found, expected := "is not applied", "that it is"
	if e.Applied {
		found, expected = "is applied", "that it is not"
	}
	return fmt.Sprintf("command %q %s in the partition key of %s, and the decision expected %s: decide anew",
		e.CommandID, found, e.Stream, expected)
}

// Is matches [ErrConflict].
func (e *CommandConflictError) Is(target error) bool { return target == ErrConflict }

// CommandReusedError says that the partition key of a stream holds another commit with the command
// id. The id names two commands, or one command that made two commits. Nothing was appended now. It
// matches [ErrCommandReused].
type CommandReusedError struct {
	Stream    Stream
	CommandID string
	Stored    string   // digest of the command that made the commit
	Given     string   // digest of the command that was to be stored now
	Wrote     []Stream // the streams that the commit wrote to
}

// Error says what was found, what was expected, and what to do.
func (e *CommandReusedError) Error() string {
	if SameCommand(e.Stored, e.Given) {
		return fmt.Sprintf("the partition key of %s holds a commit of command %q to %s: a command makes one commit in "+
			"a partition key; give each command another id, and gather the events of one command in one commit",
			e.Stream, e.CommandID, list(e.Wrote))
	}
	return fmt.Sprintf("the partition key of %s holds command %q with digest %q, given digest %q: another command has "+
		"this id; give each command another id, and repeat a command with the content it had",
		e.Stream, e.CommandID, e.Stored, e.Given)
}

// list returns the names of streams, for people. It leaves out those that a line has no room for.
func list(streams []Stream) string {
	const most = 5
	names := make([]string, 0, most+1)
	for i, s := range streams {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(streams)-most))
			break
		}
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}

// Is matches [ErrCommandReused].
func (e *CommandReusedError) Is(target error) bool { return target == ErrCommandReused }

// InvalidError says which part of the input breaks which rule. Nothing was appended.
// It matches [ErrInvalid].
type InvalidError struct {
	Field string // such as "stream id" or "record 2: value"
	Found string
	Want  string
}

// Error says what was found and what was expected.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s: found %s, expected %s", e.Field, e.Found, e.Want)
}

// Is matches [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }
