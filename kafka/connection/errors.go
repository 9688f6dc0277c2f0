package connection

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/kafka/internal/access"
)

// Refusals of brokers that stay. A store that opens tries nothing again after one of them.
var (
	// ErrSecurity says that brokers and this service do not accept each other. The error is a
	// *[SecurityError].
	ErrSecurity = errors.New("the connection's security does not fit the broker's")
	// ErrPermission says that an ACL is missing. The error is a *[PermissionError].
	ErrPermission = errors.New("permission denied")
)

// SecurityError says why a broker and this service do not accept each other. The password may be
// wrong, the authority unknown, the certificate for another name, or the listener of another kind.
// It matches [ErrSecurity].
type SecurityError struct {
	Broker string // the address; empty if a connection to one of several failed
	Uses   string // what this service uses, see [Security.String]
	Found  string
	Do     string
	Err    error
}

// Error says what was found and what to do. It holds no secret.
func (e *SecurityError) Error() string {
	broker := ""
	if e.Broker != "" {
		broker = " to broker " + e.Broker
	}
	return fmt.Sprintf("connect%s with %s: %s; %s (%v)", broker, e.Uses, e.Found, e.Do, e.Err)
}

// Unwrap returns what the network, TLS or the broker said.
func (e *SecurityError) Unwrap() error { return e.Err }

// Is matches [ErrSecurity].
func (e *SecurityError) Is(target error) bool { return target == ErrSecurity }

// PermissionError says which permission this service lacks. It matches [ErrPermission].
type PermissionError struct {
	Operation string // as Kafka's ACLs call it, such as DescribeConfigs
	Resource  string // "topic", "group", "transactional id" or "cluster"
	Name      string // of the resource; empty for the cluster
	Uses      string // how this service connected, see [Security.String]
	Err       error
}

// Error names the permission.
func (e *PermissionError) Error() string {
	need := access.Need{Operation: e.Operation, Resource: e.Resource, Name: e.Name}
	return fmt.Sprintf("this service (%s) has no permission for %s: add an ACL that allows it, "+
		"see kafka/connection/SECURITY.md (%v)",
		e.Uses, need, e.Err)
}

// Unwrap returns the broker's answer.
func (e *PermissionError) Unwrap() error { return e.Err }

// Is matches [ErrPermission].
func (e *PermissionError) Is(target error) bool { return target == ErrPermission }
