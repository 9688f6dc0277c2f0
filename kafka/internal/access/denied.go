package access

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// Kafka's names of operations and resources, as its ACL commands know them.
const (
	Read            = "Read"
	Write           = "Write"
	Create          = "Create"
	Describe        = "Describe"
	DescribeConfigs = "DescribeConfigs"
	IdempotentWrite = "IdempotentWrite"

	Topic           = "topic"
	Group           = "group"
	TransactionalID = "transactional id"
	Cluster         = "cluster"
)

// Need is one permission.
type Need struct {
	Operation string
	Resource  string
	Name      string // of the resource; empty for the cluster
}

// String returns the permission for people, such as "Write on topic fencelog.account.events".
func (n Need) String() string {
	if n.Name == "" {
		return n.Operation + " on the " + n.Resource
	}
	return fmt.Sprintf("%s on %s %s", n.Operation, n.Resource, n.Name)
}

// DeniedError says which permission a request lacked.
type DeniedError struct {
	Need Need
	Err  error
}

// Error names the permission.
func (e *DeniedError) Error() string { return fmt.Sprintf("no permission for %s (%v)", e.Need, e.Err) }

// Unwrap returns the broker's answer.
func (e *DeniedError) Unwrap() error { return e.Err }

// Explain returns a *[DeniedError] if err, the answer to a request, says that a permission was
// missing. needs are the permissions that the request needs. The error has the first of them for
// the resource that the broker complains of. Explain returns any other error as it is.
func Explain(err error, needs ...Need) error {
	if err == nil {
		return nil // first, because every append comes here
	}
	resource, ok := complaint(err)
	var known *DeniedError
	if !ok || errors.As(err, &known) {
		return err
	}
	for _, n := range needs {
		if n.Resource == resource {
			return &DeniedError{Need: n, Err: err}
		}
	}
	return err
}

// complaint returns the kind of resource for which the broker says that a permission was missing.
func complaint(err error) (resource string, ok bool) {
	switch {
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed):
		return Topic, true
	case errors.Is(err, sarama.ErrTransactionalIDAuthorizationFailed):
		return TransactionalID, true
	case errors.Is(err, sarama.ErrGroupAuthorizationFailed):
		return Group, true
	case errors.Is(err, sarama.ErrClusterAuthorizationFailed):
		return Cluster, true
	}
	return "", false
}

// Final reports whether the same attempt would fail again: broker and client do not fit, or a
// permission is missing.
func Final(err error) bool {
	if _, ok := complaint(err); ok {
		return true
	}
	_, ok := MismatchOf(err)
	return ok
}
