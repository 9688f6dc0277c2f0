package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every refusal has its code and its status. The description of the operation lists both.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("alice")
	require.Equal(t, http.StatusCreated,
		c.post(accountsPath, "limited", `{"id":"limited","ownerId":"u","ownerType":"USER","accountType":"USER",`+
			`"currency":"USD","maxBalance":"10.00"}`).status)
	require.Equal(t, http.StatusCreated,
		c.post("/v1/accounts/alice/credits", "topup", postBody("topup", "10.00")).status)
	create := func(change ...string) string { return strings.NewReplacer(change...).Replace(createBody("new")) }
	credit := func(change ...string) string { return strings.NewReplacer(change...).Replace(postBody("t", "1.00")) }
	creditAt := func(at string) string { return credit(`"contra"`, `"effectiveAt":"`+at+`","contra"`) }
	const (
		accounts = "POST /v1/accounts"
		credits  = "POST /v1/accounts/alice/credits"
		debits   = "POST /v1/accounts/alice/debits"
	)
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Description string }
		}
	}
	c.do(http.MethodGet, "/openapi.json", "").as(t, &document)

	for _, refused := range []struct {
		name, request, body string
		status              int
		code                string
	}{
		{"existing account", accounts, createBody("alice"), 409, "AccountAlreadyExists"},
		{"owner too long", accounts, create("user-1", strings.Repeat("x", 200)), 422, "InvalidId"},
		{"limits that cross", accounts, create(`"currency"`, `"minBalance":"1.00","currency"`), 422, "InvalidLimits"},
		{"unknown currency", accounts, create("USD", "XXY"), 422, "InvalidCurrency"},
		{
			"limit that is no amount", accounts, create(`"currency"`, `"maxBalance":"much","currency"`), 422,
			"InvalidAmount",
		},
		{
			"limit too precise", accounts, create(`"currency"`, `"maxBalance":"1.001","currency"`), 422,
			"AmountPrecisionExceeded",
		},
		{
			"limit too large", accounts, create(`"currency"`, `"maxBalance":"99999999999999999999","currency"`), 422,
			"AmountOverflow",
		},
		{"unknown owner type", accounts, create(`"ownerType":"USER"`, `"ownerType":"DOG"`), 422, "ValidationFailed"},
		{"unknown field", accounts, create(`"currency"`, `"colour":"red","currency"`), 422, "ValidationFailed"},
		{"id that is a dot", accounts, createBody("."), 422, "InvalidId"},
		{"id that is two dots", accounts, createBody(".."), 422, "InvalidId"},
		{"missing fields", accounts, `{}`, 422, "ValidationFailed"},
		{"null", accounts, `null`, 422, "ValidationFailed"},

		{"no such account", "POST /v1/accounts/nobody/credits", credit(), 404, "AccountNotFound"},
		{"no amount", credits, credit("1.00", "a lot"), 422, "InvalidAmount"},
		{"zero", credits, credit("1.00", "0.00"), 422, "InvalidAmount"},
		{"negative", credits, credit("1.00", "-1.00"), 422, "InvalidAmount"},
		{"a number", credits, credit(`"1.00"`, `1.00`), 422, "ValidationFailed"},
		{"too precise", credits, credit("1.00", "1.005"), 422, "AmountPrecisionExceeded"},
		{"too large", credits, credit("1.00", "92233720368547758.08"), 422, "AmountOverflow"},
		{"balance too large", credits, credit("1.00", "92233720368547758.07"), 422, "AmountOverflow"},
		{"other currency", credits, credit("USD", "EUR"), 422, "CurrencyMismatch"},
		{"contra to itself", credits, credit("bank", "alice"), 422, "DuplicateEntry"},
		{"unknown entry type", credits, credit("TOPUP", "GIFT"), 422, "ValidationFailed"},
		{"long ago", credits, creditAt("1812-01-01T00:00:00Z"), 422, "InvalidEffectiveTime"},
		{"the zero time", credits, creditAt("0001-01-01T00:00:00Z"), 422, "InvalidEffectiveTime"},
		{"the zero time in another zone", credits, creditAt("0001-01-01T01:00:00+01:00"), 422, "InvalidEffectiveTime"},
		{"just after the zero time", credits, creditAt("0001-01-01T00:00:00.0000009Z"), 422, "InvalidEffectiveTime"},
		{"later in year 1", credits, creditAt("0001-12-31T23:59:59Z"), 422, "InvalidEffectiveTime"},
		{"transaction with another amount", credits, credit(`"t"`, `"topup"`), 422, "CommandReused"},
		{"above the limit", "POST /v1/accounts/limited/credits", credit("1.00", "10.01"), 422, "MaxBalanceExceeded"},
		{"more than there is", debits, credit("1.00", "10.01"), 422, "InsufficientFunds"},
		{"no JSON", debits, `{"transactionId"`, 400, "MalformedRequest"},

		{"no such account", "GET /v1/accounts/nobody", "", 404, "AccountNotFound"},
		{"no such account", "GET /v1/accounts/nobody/balance", "", 404, "AccountNotFound"},
		{"no such account", "GET /v1/accounts/nobody/events", "", 404, "AccountNotFound"},
		{"page too large", "GET /v1/accounts/alice/events?limit=1001", "", 422, "ValidationFailed"},
		{"unknown parameter", "GET /v1/accounts/alice/events?page=2", "", 422, "ValidationFailed"},
		{"id too long", "GET /v1/accounts/" + strings.Repeat("x", 256), "", 422, "InvalidId"},
	} {
		t.Run(refused.request+": "+refused.name, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(refused.request, " ")
			r := c.do(method, path, refused.body)
			require.Equal(t, refused.status, r.status, r.text)
			require.Equal(t, refused.code, r.code(t))
			if refused.code == "InvalidEffectiveTime" { // which the service itself finds, or the account
				require.Equal(t, "t", r.header.Get(keyHeader))
			}
			answers := document.Paths[templateOf(path)][strings.ToLower(method)].Responses
			described := answers[strconv.Itoa(refused.status)].Description
			require.Contains(t, strings.Split(described, ", "), refused.code)
		})
	}
}

// templateOf returns the path as openapi.json has it.
func templateOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if parts := strings.Split(path, "/"); len(parts) > 3 {
		parts[3] = "{accountId}"
		return strings.Join(parts, "/")
	}
	return path
}

func TestWhatIsNoOperation(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.do(http.MethodGet, "/v1/nothing", "")
	require.Equal(t, http.StatusNotFound, r.status)
	require.Equal(t, "NoSuchRoute", r.code(t))
	r = c.do(http.MethodPut, accountsPath, createBody("a"))
	require.Equal(t, http.StatusMethodNotAllowed, r.status)
	require.Equal(t, "MethodNotAllowed", r.code(t))
	require.Equal(t, "GET, HEAD, POST", r.header.Get("Allow"))
	for _, page := range []string{"/livez", "/readyz", "/metrics"} {
		r = c.do(http.MethodPost, page, "{}")
		require.Equal(t, http.StatusMethodNotAllowed, r.status, page)
		require.Equal(t, "MethodNotAllowed", r.code(t))
		require.Equal(t, "GET, HEAD", r.header.Get("Allow"))
		require.Equal(t, http.StatusOK, c.do(http.MethodHead, page, "").status)
	}
	r = c.do(http.MethodPost, accountsPath, "<account/>", "Content-Type", "text/xml")
	require.Equal(t, http.StatusUnsupportedMediaType, r.status)
	require.Equal(t, "UnsupportedMediaType", r.code(t))
}

// A problem lists all that is wrong with a request, and where.
func TestValidationTellsEverything(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.do(http.MethodPost, accountsPath, `{"id":"","ownerType":"DOG","accountType":"USER","colour":1}`)
	var p problem
	r.as(t, &p)
	places := make(map[string]bool)
	for _, e := range p.Errors {
		places[e.Location] = true
		require.Contains(t, p.Detail, e.Message)
	}
	require.Equal(t, map[string]bool{"body": true, "body.ownerType": true, "body.colour": true}, places)
}

func TestCorrelationIDIsTheClientsOrNew(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.do(http.MethodPost, accountsPath, createBody("a"), correlationHeader, "conversation-1")
	require.Equal(t, "conversation-1", r.header.Get(correlationHeader))
	var page eventsBody
	c.do(http.MethodGet, accountsPath+"/a/events", "").as(t, &page)
	require.Equal(t, "conversation-1", page.Events[0].CorrelationID)
	for sent, ok := range map[string]bool{ // an id's length counts in bytes, not in characters
		strings.Repeat("x", 255):       true,
		strings.Repeat("x", 256):       false,
		strings.Repeat("é", 127) + "x": true,
		strings.Repeat("é", 128):       false,
	} {
		r = c.do(http.MethodGet, accountsPath+"/a", "", correlationHeader, sent)
		if ok {
			require.Equal(t, http.StatusOK, r.status, r.text)
			require.Equal(t, sent, r.header.Get(correlationHeader))
			continue
		}
		require.Equal(t, codeInvalid, r.code(t), sent)
		require.Contains(t, r.text, "has 256 bytes, expected at most 255")
	}
	p := correlationParameter()
	require.Nil(t, p.Schema.MaxLength, "which would count characters")
	require.Contains(t, p.Description, "255 bytes")

	first, second := c.do(http.MethodGet, accountsPath+"/a", ""), c.do(http.MethodGet, accountsPath+"/a", "")
	require.NotEmpty(t, first.header.Get(correlationHeader))
	require.NotEqual(t, first.header.Get(correlationHeader), second.header.Get(correlationHeader))
}

// The document changes when an endpoint does. Then run with -update, look at the difference, and
// commit it.
func TestDocument(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.do(http.MethodGet, "/openapi.json", "")
	require.Equal(t, http.StatusOK, r.status)
	var document any
	r.as(t, &document)
	text, err := json.MarshalIndent(document, "", "  ")
	require.NoError(t, err)
	golden(t, "openapi.json", string(text)+"\n")
}

// For each operation, the document lists the answers that a request of its method may get, with
// their headers.
func TestDocumentTellsTheAnswersOfEachMethod(t *testing.T) {
	t.Parallel()
	c := start(t)
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Headers map[string]any }
		}
	}
	c.do(http.MethodGet, "/openapi.json", "").as(t, &document)
	commands := []string{"408", "413", "415", "421", "504"}
	operations := 0
	for path, methods := range document.Paths {
		if !strings.HasPrefix(path, "/v1") {
			continue
		}
		for method, operation := range methods {
			operations++
			name := method + " " + path
			for _, status := range commands {
				require.Equal(t, method == "post", slices.Contains(slices.Collect(maps.Keys(operation.Responses)),
					status), "%s: %s", name, status)
			}
			for status, answer := range operation.Responses {
				require.Contains(t, answer.Headers, correlationHeader, "%s: %s", name, status)
				require.Equal(t, status == "503" || status == "504", answer.Headers["Retry-After"] != nil, "%s: %s",
					name, status)
				require.Equal(t, method == "post", answer.Headers["Idempotency-Key"] != nil, "%s: %s", name, status)
			}
		}
	}
	require.Equal(t, 8, operations)
}
