package blame

import (
	"errors"
	"net"
	"syscall"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/goroutine"
	"github.com/fencelog/fencelog/internal/panics"
)

// Handler reports whether the handler's code panicked, or ended its goroutine.
func Handler(err error) bool {
	var panicked *panics.Error
	var exited *goroutine.ExitError
	return errors.As(err, &panicked) || errors.As(err, &exited)
}

// Reason says what is waited for where the event is not to blame, or nothing.
func Reason(err error) string {
	if why := Store(err); why != "" {
		return why
	}
	return Peer(err)
}

// Store says what is waited for where a store refuses, or nothing.
func Store(err error) string {
	switch {
	case errors.Is(err, eventstore.ErrNotOwner):
		return "a partition that another instance owns"
	case errors.Is(err, eventstore.ErrConflict):
		return "others who write to the same stream"
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return "brokers that tell whether an append is stored"
	case errors.Is(err, eventstore.ErrClosed):
		return "a store that is closed"
	}
	return ""
}

// Peer says what is waited for where a peer cannot be reached, or nothing.
func Peer(err error) string {
	switch {
	case Away(err):
		return "a service that is away"
	case Unreachable(err):
		return "a peer that cannot be reached"
	}
	return ""
}

// Away reports whether an error has a method Unavailable() bool that returns true.
func Away(err error) bool {
	return AnyOf(err, func(err error) bool {
		away, ok := err.(interface{ Unavailable() bool })
		return ok && away.Unavailable()
	})
}

// Unreachable reports whether a peer was not there at all. One that was, and hung up or took too
// long, may have done so because of the event. So may an address that is none.
func Unreachable(err error) bool {
	var address *net.AddrError
	var text *net.ParseError
	var network net.UnknownNetworkError
	if errors.As(err, &address) || errors.As(err, &text) || errors.As(err, &network) {
		return false
	}
	var call *net.OpError
	var name *net.DNSError
	return errors.As(err, &call) && call.Op == "dial" || errors.As(err, &name) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, syscall.ENETUNREACH)
}

// Waits for those who can mend an event's trouble.
const (
	forEvent      = "the handler, which fails with the event"
	forDeployment = "a release that knows the event's type and schema"
)

// WaitsFor says what is waited for where an attempt failed. reason is what the store's own function
// like [Reason] has said of the error.
func WaitsFor(reason string, err error) string {
	switch {
	case reason != "":
		return reason
	case errors.Is(err, eventstore.ErrUnknownEvent):
		return forDeployment
	}
	return forEvent
}

// AnyOf reports whether one of the errors that err is made of is like that: errors.As looks at the
// first of a type alone.
func AnyOf(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch w := err.(type) { //nolint:errorlint // this walks through what is wrapped
	case interface{ Unwrap() error }:
		return AnyOf(w.Unwrap(), is)
	case interface{ Unwrap() []error }:
		for _, one := range w.Unwrap() {
			if AnyOf(one, is) {
				return true
			}
		}
	}
	return false
}
