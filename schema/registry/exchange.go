package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/riferrei/srclient"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/avsc"
	"github.com/fencelog/fencelog/schema/internal/expected"
)

// Error codes of the registry's REST protocol: five digits, of which the first three are the HTTP
// status.
const (
	codesPerStatus    = 100
	codeInvalidSchema = 42201
)

// exchange notes the status of the last answer to one call of srclient. srclient tells the status
// only if the body is a registry's error.
type exchange struct {
	base   http.RoundTripper
	status int // of the last answer; 0 without one
}

// RoundTrip notes the status of the answer, and bounds its size.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	x.status = 0
	resp, err := x.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	x.status = resp.StatusCode
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxResponse)
	return resp, nil
}

// ask makes the call until it answers, fails for good, was made often enough, or ctx ends. A
// failure is e, completed.
func ask[T any](
	ctx context.Context, h *HTTP, e Error, call func(*srclient.SchemaRegistryClient) (T, error), check func(T) error,
) (T, error) {
	var none T
	backoff := h.cfg.Backoff
	for attempt := 1; ; attempt++ {
		x := &exchange{base: h.cfg.Transport}
		answer, err := call(h.client(ctx, x))
		if err == nil {
			if err = check(answer); err == nil {
				return answer, nil
			}
		}
		failed, again := judge(ctx, e, x.status, err)
		switch {
		case ctx.Err() != nil:
			return none, ended(ctx, failed, attempt)
		case !again:
			return none, failed
		case attempt >= h.cfg.Attempts:
			last := failed.Detail
			failed.Detail = fmt.Sprintf("%d attempts, the last", attempt)
			if last != "" { // else the cause says it, which follows
				failed.Detail += ": " + last
			}
			return none, failed
		}
		if h.cfg.Wait(ctx, backoff) != nil {
			return none, ended(ctx, failed, attempt)
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// client returns a client for one call. srclient takes no context, and caches what is latest. A
// client for each call binds the call to ctx, and remembers nothing.
func (h *HTTP) client(ctx context.Context, x *exchange) *srclient.SchemaRegistryClient {
	return srclient.NewSchemaRegistryClient(h.url,
		srclient.WithClient(&http.Client{Transport: x, Timeout: h.cfg.Timeout}),
		srclient.WithPreReqFn(func(req *http.Request) error {
			*req = *req.WithContext(ctx)
			if h.cfg.Username != "" {
				req.SetBasicAuth(h.cfg.Username, h.cfg.Password)
			}
			return nil
		}))
}

var errForeign = errors.New("what answers there does not speak the protocol of a schema registry")

// checkSchema refuses an answer of status 200 that is not a registry's, such as a proxy's.
func checkSchema(s *srclient.Schema) error {
	if s.ID() < 1 || s.Schema() == "" {
		return errForeign
	}
	if kind := s.SchemaType(); kind != nil && *kind != srclient.Avro && *kind != "" {
		return fmt.Errorf("%w: found a schema of type %s, expected AVRO", schema.ErrInvalidSchema, *kind)
	}
	if n := len(s.References()); n > 0 {
		return fmt.Errorf("%w: it refers to %d others; expected one that stands by itself", schema.ErrInvalidSchema, n)
	}
	return nil
}

// checkReadable is checkSchema of an answer that is remembered.
func checkReadable(s *srclient.Schema) error {
	if err := checkSchema(s); err != nil {
		return err
	}
	if err := avsc.Check(s.Schema()); err != nil {
		return fmt.Errorf("%w: %w", schema.ErrInvalidSchema, err)
	}
	return nil
}

// checkVersion is checkSchema of an answer that has a version.
func checkVersion(s *srclient.Schema) error {
	if s.Version() < 1 {
		return errForeign
	}
	return checkSchema(s)
}

// judge returns the error that e becomes, and whether another attempt may help. It may help if the
// answer is not a registry's, or if the registry lacks a schema that must be there.
func judge(ctx context.Context, e Error, status int, err error) (failed *Error, again bool) {
	e.Status = status
	e.Detail = err.Error()
	var answer srclient.Error
	if errors.As(err, &answer) && answer.Message != "" {
		e.Detail = answer.Message
	}
	if len(e.Detail) > maxDetail {
		e.Detail = strings.ToValidUTF8(e.Detail[:maxDetail], "") + "…" // which may cut a character
	}
	switch {
	case errors.Is(err, schema.ErrInvalidSchema):
		e.Detail = ""
		return e.because(nil, err), false
	case status == 0:
		e.Detail = ""
		return e.because(schema.ErrUnavailable, err), true
	case status == http.StatusUnauthorized: // not again: too many wrong passwords lock an account
		return e.because(schema.ErrUnauthorized, nil), false
	case status == http.StatusForbidden:
		return e.because(schema.ErrUnauthorized, nil), !spoke(answer, status)
	case passes(status):
		return e.because(schema.ErrUnavailable, nil), true
	case status < http.StatusMultipleChoices && !isForeign(err): // the answer broke off
		return e.because(schema.ErrUnavailable, err), true
	case !spoke(answer, status):
		return e.because(schema.ErrUnavailable, errForeign), true
	}
	reason := reasonOf(status, answer.Code)
	return e.because(reason, nil), errors.Is(reason, schema.ErrNotFound) && expected.IsMarked(ctx)
}

// isForeign reports whether err, of an answer with a good status, says that no registry wrote it.
func isForeign(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var size *http.MaxBytesError
	return errors.Is(err, errForeign) || errors.As(err, &syntax) || errors.As(err, &kind) || errors.As(err, &size)
}

// passes reports whether a status says by itself that the failure passes, whoever answers so.
func passes(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests ||
		status == http.StatusRequestTimeout || status == http.StatusTooEarly
}

// spoke reports whether a registry wrote the answer. A registry's errors are JSON with a code that
// begins with the status. The bare code 404 is that of the server around the registry, which does
// not have the path. If Apicurio refuses a text that is no schema, it leaves the code out. So a
// message is enough if the status says by itself that the content was judged.
func spoke(answer srclient.Error, status int) bool {
	judged := status == http.StatusUnprocessableEntity || status == http.StatusConflict
	return answer.Code/codesPerStatus == status || answer.Code == status && status != http.StatusNotFound ||
		judged && answer.Code == 0 && answer.Message != ""
}

// reasonOf returns what a registry means.
func reasonOf(status, code int) error {
	switch {
	case status == http.StatusNotFound:
		return schema.ErrNotFound
	case status == http.StatusConflict:
		return schema.ErrIncompatible
	case status == http.StatusUnprocessableEntity && (code == 0 || code == status || code == codeInvalidSchema):
		return schema.ErrInvalidSchema
	default:
		return ErrRefused
	}
}

// ended returns the error of a call whose ctx ended after some attempts.
func ended(ctx context.Context, failed *Error, attempts int) *Error {
	failed.Detail = fmt.Sprintf("gave up in attempt %d", attempts)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failed.because(schema.ErrUnavailable, contextError(ctx))
	}
	return failed.because(nil, contextError(ctx))
}

// contextError returns nil, or an error that is both ctx's own and its cause.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
