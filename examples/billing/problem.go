package main

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Codes of problems that are no refusals of the domain. Like the codes of package refusal, they
// never change.
const (
	codeMalformed        = "MalformedRequest"
	codeInvalid          = "ValidationFailed"
	codeNoSuchRoute      = "NoSuchRoute"
	codeMethodNotAllowed = "MethodNotAllowed"
	codeNotAcceptable    = "NotAcceptable"
	codeBodyTooLarge     = "BodyTooLarge"
	codeBodyTimeout      = "BodyTimeout"
	codeMediaType        = "UnsupportedMediaType"
	codeHeadersTooLarge  = "HeadersTooLarge"
	codeTransferCoding   = "UnsupportedTransferCoding"
	codeVersion          = "UnsupportedVersion"
	codeExpectation      = "ExpectationFailed"
	codeKeyMismatch      = "IdempotencyKeyMismatch"
	codeNoPosting        = "PostingNotFound"
	codeNotOwner         = "NotOwner"
	codeOutcomeUnknown   = "OutcomeUnknown"
	codeUnavailable      = "Unavailable"
	codeInternal         = "InternalError"
)

const problemType = "application/problem+json"

// problem is an answer other than success, as RFC 9457 says, with a code that programs can rely on.
type problem struct {
	Type          string              `json:"type" format:"uri" example:"urn:fencelog:problem:InsufficientFunds" doc:"Names the kind of problem; ends with the code."`
	Title         string              `json:"title" example:"Unprocessable Entity" doc:"The status in words."`
	Status        int                 `json:"status" example:"422" doc:"The HTTP status."`
	Code          string              `json:"code" example:"InsufficientFunds" doc:"What went wrong, for programs. A code never changes its meaning."`
	Detail        string              `json:"detail" doc:"What was found, what was expected and what to do, for people."`
	CorrelationID string              `json:"correlationId,omitempty" doc:"Names the request in the service's logs."`
	Owner         string              `json:"owner,omitempty" example:"billing-2:3001" doc:"With NotOwner: the instance to send the request to."`
	Errors        []*huma.ErrorDetail `json:"errors,omitempty" doc:"With ValidationFailed: everything that is wrong with the request."`

	headers http.Header
}

func newProblem(status int, code, detail string) *problem {
	return &problem{
		Type: "urn:fencelog:problem:" + code, Title: http.StatusText(status), Status: status, Code: code,
		Detail: detail,
	}
}

// retrySeconds is how long a client is told to wait.
const retrySeconds = "1"

// retryLater tells the client that the same request may succeed soon.
func (p *problem) retryLater() *problem { return p.header("Retry-After", retrySeconds) }

func (p *problem) header(name, value string) *problem {
	if p.headers == nil {
		p.headers = make(http.Header)
	}
	p.headers.Set(name, value)
	return p
}

// closing ends the connection after the answer. Nobody reads what else the client may send.
func (p *problem) closing() *problem { return p.header("Connection", "close") }

// invalidRequest says all that is wrong with the parts of a request.
func invalidRequest(wrong []*huma.ErrorDetail) *problem {
	p := newProblem(http.StatusUnprocessableEntity, codeInvalid, "validation failed")
	p.Errors = wrong
	for _, e := range wrong {
		p.Detail += "; " + strings.TrimPrefix(e.Location+": "+e.Message, ": ")
	}
	return p
}

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers of the answer.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType returns the content type of problems.
func (p *problem) ContentType(string) string { return problemType }

// write answers with the problem outside of an operation.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	body := *p
	body.CorrelationID = correlationID(r.Context())
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(body) // if it fails, the client is gone
}

// toProblem changes an answer before the API writes it. It turns an error of the library into a
// problem with a code, and adds the correlation id of the request to every problem.
func toProblem(ctx huma.Context, _ string, answer any) (any, error) {
	var p problem
	switch v := answer.(type) {
	case *problem:
		p = *v
	case *huma.ErrorModel:
		code := codeOfStatus(v.Status)
		p = *newProblem(v.Status, code, v.Detail)
		p.Errors = v.Errors
		for _, e := range v.Errors {
			e.Value = short(e.Value)
			p.Detail += "; " + strings.TrimPrefix(e.Location+": "+e.Message, ": ")
		}
		if code == codeInternal {
			p.Detail, p.Errors = internalDetail, nil
		}
	default:
		return answer, nil
	}
	p.CorrelationID = correlationID(ctx.Context())
	return &p, nil
}

// short returns the value if it is worth sending back, and otherwise nil: the client knows the
// whole body.
func short(value any) any {
	const most = 100
	switch v := value.(type) {
	case string:
		if len(v) <= most {
			return v
		}
	case bool, int, int64, float64:
		return v
	}
	return nil
}

const internalDetail = "the service failed; its logs say why, under the correlationId"

// codeOfStatus returns the code of a refusal that the library makes by itself.
func codeOfStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return codeMalformed
	case http.StatusUnprocessableEntity:
		return codeInvalid
	case http.StatusNotAcceptable:
		return codeNotAcceptable
	case http.StatusRequestEntityTooLarge:
		return codeBodyTooLarge
	case http.StatusRequestTimeout:
		return codeBodyTimeout
	case http.StatusUnsupportedMediaType:
		return codeMediaType
	}
	return codeInternal
}
