package subscription

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/blame"
)

// Verdict is what an error of the handler means.
type Verdict int

// The verdicts.
const (
	// Default: the error means what it means to the store. Only [Config].Classify returns it.
	Default Verdict = iota
	// RetryThenDeadLetter: it is tried again, as Retry says, and then becomes a dead letter.
	RetryThenDeadLetter
	// RetryForever: it is tried again until it succeeds or the subscription is closed, for nothing
	// is wrong with the event.
	RetryForever
	// WaitThenDeadLetter: it is tried again for as long as [Config].Deployment, and then becomes a
	// dead letter. It may be a deployment under way: another instance will handle it, or the next
	// release of this one.
	WaitThenDeadLetter
	// DeadLetterAtOnce: it becomes a dead letter without another attempt, which would end the same.
	DeadLetterAtOnce
	// Handled: it is no failure, as where a business rule refuses what the handler asked for.
	Handled

	verdicts = iota // how many there are
)

// Known reports whether v is one of the constants.
func (v Verdict) Known() bool { return v >= 0 && v < verdicts }

// String returns the verdict's name, such as "retry-forever".
func (v Verdict) String() string {
	switch v {
	case Default:
		return "default"
	case RetryThenDeadLetter:
		return "retry-then-dead-letter"
	case RetryForever:
		return "retry-forever"
	case WaitThenDeadLetter:
		return "wait-then-dead-letter"
	case DeadLetterAtOnce:
		return "dead-letter-at-once"
	case Handled:
		return "handled"
	}
	return fmt.Sprintf("Verdict(%d)", int(v))
}

// Classify says what an error means to a store that knows no errors beside those of package
// eventstore. Other stores begin with it. It goes by what an error means for the event:
//
//   - RetryForever, for the event is not to blame. A store refuses: a conflict of versions, a
//     partition of another instance, an append whose outcome is not known, a store that is closed.
//     Or a peer is away, or its name is not known. Or an error has a method Unavailable() bool
//     that returns true.
//   - WaitThenDeadLetter: a type, a revision or a schema that this program does not know
//     ([eventstore.ErrUnknownEvent]).
//   - DeadLetterAtOnce, for another attempt would end the same. No program can decode the event
//     ([eventstore.ErrUndecodable]), input breaks a rule ([eventstore.ErrInvalid]), or an id
//     belongs to another command ([eventstore.ErrCommandReused]).
//   - RetryThenDeadLetter: anything else, among it a panic.
//
// An error that wraps several has the first of these meanings that one of them has.
func Classify(err error) Verdict {
	switch {
	case blame.Handler(err): // whatever error it panicked with
		return RetryThenDeadLetter
	case blame.Reason(err) != "":
		return RetryForever
	case errors.Is(err, eventstore.ErrUnknownEvent):
		return WaitThenDeadLetter
	case errors.Is(err, eventstore.ErrUndecodable), errors.Is(err, eventstore.ErrInvalid),
		errors.Is(err, eventstore.ErrCommandReused):
		return DeadLetterAtOnce
	}
	return RetryThenDeadLetter
}
