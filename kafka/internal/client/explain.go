package client

import (
	"errors"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
)

// Explain turns an error into a *[connection.SecurityError] or a *[connection.PermissionError] if
// brokers refuse the client or the request for good. It returns every other error as it is. s is
// what the client uses.
func Explain(s connection.Security, err error) error {
	var security *connection.SecurityError
	var permission *connection.PermissionError
	if err == nil || errors.As(err, &security) || errors.As(err, &permission) {
		return err
	}
	var denied *access.DeniedError
	if errors.As(err, &denied) {
		n := denied.Need
		return &connection.PermissionError{
			Operation: n.Operation, Resource: n.Resource, Name: n.Name, Uses: s.String(), Err: denied.Err,
		}
	}
	if m, ok := access.MismatchOf(err); ok {
		return &connection.SecurityError{Uses: s.String(), Found: m.Found, Do: m.Do, Err: err}
	}
	return err
}

// ErrorOf returns the error of a code in an answer, or nil if the code stands for none.
func ErrorOf(code sarama.KError) error {
	if code == sarama.ErrNoError {
		return nil
	}
	return code
}
