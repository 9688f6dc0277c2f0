package main

import (
	"fmt"
	"net/http"
	"path"
	"reflect"
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

Ids have 1 to 128 of the letters, digits and . _ - : @, not dots alone; an account's id may have one slash
between two such names, which is percent-encoded in paths: acme%2Falice. Names that begin with transit: are
the system's. Any other id is refused with InvalidId, wherever it stands.

A request that changes something has a key. The key of a posting is its transactionId. A posting needs no
Idempotency-Key, and one that is not the transactionId is refused with IdempotencyKeyMismatch. The key of a
request that opens an account is its Idempotency-Key, by default a new one.

A key counts for the account that the request is about: at another account it is another key. It is stored with
what the request changed. The same request with the same key changes nothing and gets the same answer, for ever,
with the header Idempotent-Replayed. Another request with that key is refused with CommandReused.

A request is the same if it says the same: the order of names, zeros such as in 1.5 and 1.50,
and the zone of a time do not matter, but a name that is left out differs from one that is given.

A refusal changes nothing and leaves the key free: sent again, the request is decided anew.

Bodies are strict: names are exact and stand there once, unknown names and null are refused, and so is
everything that is no UTF-8. Parameters are given once and are not empty; unknown ones of an operation under
/v1 are refused.

What is not a success is an application/problem+json with a code that programs can rely on. There is no
authentication here: put what does that in front.`

// The groups of operations.
const (
	accountsTag = "Accounts"
	postingsTag = "Postings"
	healthTag   = "Health"
)

func document() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Fencelog billing", Version: "1", Description: apiDescription,
			License: &huma.License{Name: "Apache License 2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"},
			Contact: &huma.Contact{Name: "Fencelog", URL: "https://github.com/fencelog/fencelog"},
		},
		Servers:  []*huma.Server{{URL: "/", Description: "The service that this document is from."}},
		Security: []map[string][]string{}, // none is needed
		Tags: []*huma.Tag{
			{Name: accountsTag, Description: "What accounts are, what they hold and what happened to them."},
			{Name: postingsTag, Description: "Credits and debits, and what a transaction did to an account."},
			{Name: healthTag, Description: "For those who start the service and send it requests."},
		},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", modelName)},
	}
}

// modelName returns the name that a Go type has in the document.
func modelName(t reflect.Type, hint string) string {
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Body")
}

// newAPI returns the routes of all operations, and of /docs and /openapi.json.
func newAPI(v *service) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	cfg := huma.Config{
		OpenAPI:     document(),
		OpenAPIPath: "/openapi",
		// For a type that ends with +json, such as that of problems, the library takes the format
		// "json".
		Formats:                      map[string]huma.Format{jsonType: jsonFormat(), "json": jsonFormat()},
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{toProblem},
	}
	api := humago.New(mux, cfg)
	api.UseMiddleware(exact(v))
	accountEndpoints(api, v)
	postingEndpoints(api, v)
	eventEndpoints(api, v)
	describeHealth(api)
	// The library also describes its own form of errors, which no answer has.
	delete(api.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	docs, err := newDocs(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	mux.Handle("GET "+docsPath, docs)
	return mux, nil
}

// slashAlone matches the path of an account, or of a part of it, with an id that is a slash.
var slashAlone = regexp.MustCompile(`(?i)^` + accountsPath + `/(.*/)?%2f(/|$)`)

// find returns the route of a request, as openapi.json writes it. If there is none, it returns the
// problem to answer. It refuses a path that is not clean, such as one with two slashes: the mux
// would redirect the client, with a page of HTML.
func find(mux *http.ServeMux, r *http.Request) (string, *problem) {
	written := r.URL.EscapedPath()
	switch {
	case r.Method == http.MethodConnect, written == "*":
		return "", methodNotAllowed(r, "GET, HEAD, POST")
	case written == "" || path.Clean(written) != written:
		return "", noSuchRoute(r)
	}
	if slashAlone.MatchString(written) { // the mux takes it for the end of the path
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
	return newProblem(http.StatusNotFound, codeNoSuchRoute, fmt.Sprintf("there is no %q; /docs and "+
		"/openapi.json tell what there is", r.URL.Path))
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
		account.ErrAccountNotFound, account.ErrAccountNotActive, account.ErrDuplicateEntry, account.ErrInvalidEntryType,
		account.ErrInvalidEffectiveTime, codeKeyMismatch, refusal.CommandReused,
		money.ErrInvalidAmount, money.ErrPrecision, money.ErrOverflow, money.ErrMismatch,
	}, more...)
}
