package main

import (
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
)

const apiDescription = `Accounts, credits and debits. Amounts are decimal strings such as "12.50" and are never rounded.

A request that changes something may carry an Idempotency-Key of 1 to 255 characters. Sent again with the same key it changes nothing and gets the same
answer, with the header Idempotent-Replayed. A key that is used for another request is refused with IdempotencyKeyReused. Without a key one is
made, and returned.

What is not a success is an application/problem+json with a code that programs can rely on.`

// newAPI returns the routes of all operations, and of /openapi.json.
func newAPI(v *service) *http.ServeMux {
	mux := http.NewServeMux()
	cfg := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: "Fencelog billing", Version: "1", Description: apiDescription},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		},
		OpenAPIPath:                  "/openapi",
		Formats:                      map[string]huma.Format{jsonType: jsonFormat(), "json": jsonFormat()}, // "json" is problem+json, too
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{toProblem},
	}
	api := humago.New(mux, cfg)
	api.UseMiddleware(exact(v))
	accountEndpoints(api, v)
	postingEndpoints(api, v)
	eventEndpoints(api, v)
	// The library describes its own form of errors too, which no answer has.
	delete(api.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	return mux
}

// slashAlone matches the path of an account, or of a part of it, with an id that is a slash.
//
//nolint:gochecknoglobals // compiled once, never changed
var slashAlone = regexp.MustCompile(`(?i)^` + accountsPath + `/(.*/)?%2f(/|$)`)

// find returns the path of the operation that a request is for, as openapi.json has it, or why there is none. It follows no path that
// is written oddly: the mux would send the client elsewhere, with a page of HTML.
func find(mux *http.ServeMux, r *http.Request) (string, *problem) {
	written := r.URL.EscapedPath()
	switch {
	case r.Method == http.MethodConnect, written == "*":
		return "", methodNotAllowed(r, "GET, HEAD, POST")
	case written == "" || path.Clean(written) != written:
		return "", noSuchRoute(r)
	}
	if slashAlone.MatchString(written) { // which the mux takes for the end of the path
		err := ids.CheckName("id in the path", "/")
		return "", newProblem(statusOf(ids.ErrInvalid), string(ids.ErrInvalid), err.Error())
	}
	refuse, pattern := mux.Handler(r)
	if pattern != "" {
		_, route, _ := strings.Cut(pattern, " ")
		return route, nil
	}
	var told statusOnly
	refuse.ServeHTTP(&told, r)
	if told.status == http.StatusMethodNotAllowed {
		return "", methodNotAllowed(r, told.Header().Get("Allow"))
	}
	return "", noSuchRoute(r)
}

func noSuchRoute(r *http.Request) *problem {
	return newProblem(http.StatusNotFound, codeNoSuchRoute, fmt.Sprintf("there is no %q; /docs and /openapi.json tell what there is", r.URL.Path))
}

func methodNotAllowed(r *http.Request, allowed string) *problem {
	return newProblem(http.StatusMethodNotAllowed, codeMethodNotAllowed,
		fmt.Sprintf("%q takes %s, not %s", r.URL.Path, allowed, r.Method)).header("Allow", allowed)
}

// statusOnly learns how the mux would answer.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header {
	if s.header == nil {
		s.header = make(http.Header)
	}
	return s.header
}

func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

func (s *statusOnly) WriteHeader(status int) { s.status = status }

// postingCodes are the refusals of credits and debits alike.
func postingCodes(more ...refusal.Code) []refusal.Code {
	return append([]refusal.Code{
		account.ErrAccountNotFound, account.ErrAccountNotActive, ids.ErrInvalid, account.ErrInvalidEntryType,
		account.ErrInvalidEffectiveTime, account.ErrIdempotencyKeyReused,
		money.ErrInvalidCurrency, money.ErrInvalidAmount, money.ErrPrecision, money.ErrOverflow, money.ErrMismatch,
	}, more...)
}
