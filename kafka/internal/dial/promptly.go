package dial

import "context"

// Promptly returns what do does, or when ctx ends, with its cause: for a request on connections
// that serve others as well, and so are not cut. What is left behind ends with the connection's
// time-out, or when its client is closed; do must touch nothing that others use by then.
func Promptly[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := do()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
