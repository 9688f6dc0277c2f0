package dial

import "context"

// Promptly calls do and returns its result. If ctx ends before, it returns the cause at once. It is
// for a request on a connection that serves others as well, and so is not cut. The call that it
// leaves behind ends with the connection's time-out, or when the client is closed. do must touch
// nothing that others use by then.
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
