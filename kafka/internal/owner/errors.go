package owner

import "fmt"

// NotOwnerError says that this process does not own the partition, and has not just lost it.
type NotOwnerError struct {
	Topic     string
	Partition int32
	Cause     error
}

// Error says why nothing was appended.
func (e *NotOwnerError) Error() string {
	return fmt.Sprintf("%s partition %d: not appended: %v", e.Topic, e.Partition, e.Cause)
}

// Unwrap returns the cause.
func (e *NotOwnerError) Unwrap() error { return e.Cause }

// RefusedError says that the broker refused a commit for good. Nothing was appended.
type RefusedError struct {
	Topic     string
	Partition int32
	Cause     error
}

// Error gives the broker's reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s partition %d: the broker refused the commit: %v", e.Topic, e.Partition, e.Cause)
}

// Unwrap returns the broker's reason.
func (e *RefusedError) Unwrap() error { return e.Cause }

func notOwner(cfg *Config, cause error) error {
	return &NotOwnerError{Topic: cfg.Topic, Partition: cfg.Partition, Cause: cause}
}
