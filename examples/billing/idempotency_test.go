package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// repeated compares the answer to a repetition with the first answer.
func repeated(t *testing.T, first, second reply) {
	t.Helper()
	require.Equal(t, first.status, second.status, second.text)
	require.Empty(t, first.header.Get(replayedHeader))
	require.Equal(t, "true", second.header.Get(replayedHeader))
	require.Equal(t, first.header.Get("Idempotency-Key"), second.header.Get("Idempotency-Key"))
	require.Equal(t, withoutCorrelation(first), withoutCorrelation(second))
}

// withoutCorrelation returns the text of an answer without its correlation id.
func withoutCorrelation(r reply) string {
	return strings.ReplaceAll(r.text, r.header.Get(correlationHeader), "")
}

// keptBackend makes the services of a test use one backend, one after the other.
func keptBackend(t *testing.T) with {
	b := memoryBackend(t)
	return func(s *server) {
		s.connect = func(context.Context, settings, *telemetry, *slog.Logger) (*backend, error) {
			again := *b
			again.close = func() error { return nil }
			return &again, nil
		}
	}
}

// A key always gets the answer that it got first. It does not matter what has happened since, or
// whether the service was started anew.
func TestKeyGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	kept := keptBackend(t)
	requests := []struct{ path, key, body string }{
		{accountsPath, "k-1", createBody("a")},
		{accountsPath + "/a/credits", "t-2", postBody("t-2", "10.00")},
		{accountsPath + "/a/debits", "t-3", postBody("t-3", "2.00")},
	}
	c := start(t, kept)
	var first []reply
	for _, r := range requests {
		first = append(first, c.post(r.path, r.key, r.body))
		require.Equal(t, http.StatusCreated, first[len(first)-1].status)
	}
	for i, r := range requests {
		repeated(t, first[i], c.post(r.path, r.key, strings.ReplaceAll(r.body, ",", " , ")))
	}
	other := []string{
		strings.Replace(createBody("a"), "user-1", "user-2", 1), postBody("t-2", "10.01"),
		postBody("t-3", "2.01"),
	}
	for i, r := range requests {
		require.Equal(t, "CommandReused", c.post(r.path, r.key, other[i]).code(t))
	}
	require.NoError(t, c.stop())

	c = start(t, kept)
	for i, r := range requests {
		repeated(t, first[i], c.post(r.path, r.key, r.body))
	}
	require.NoError(t, c.stop())

	c = start(t, kept) // it has seen none of the keys: what is in the events is enough
	for i, r := range requests {
		require.Equal(t, "CommandReused", c.post(r.path, r.key, other[i]).code(t))
	}
	require.Equal(t, "8.00", c.posted("a"))
}

// A refusal changes nothing and leaves its key free. If the request is sent again, it is decided
// anew. Another request may use the key.
func TestRefusedKeyIsFree(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	path := accountsPath + "/a/debits"
	require.Equal(t, "InsufficientFunds", c.post(path, "t", postBody("t", "1.00")).code(t))
	require.Equal(t, "InsufficientFunds", c.post(path, "t", postBody("t", "2.00")).code(t), "not the answer of before")
	require.Equal(t, "AccountNotFound", c.post(accountsPath+"/b/debits", "t", postBody("t", "1.00")).code(t))
	require.Equal(t, http.StatusCreated, c.post(accountsPath+"/a/credits", "topup", postBody("topup", "10.00")).status)
	first := c.post(path, "t", postBody("t", "3.00"))
	require.Equal(t, http.StatusCreated, first.status, first.text)
	require.Equal(t, "7.00", c.posted("a"))

	require.Equal(t, http.StatusCreated, c.post(path, "rest", postBody("rest", "7.00")).status)
	repeated(t, first, c.post(path, "t", postBody("t", "3.00"))) // though it could not be decided so now
	require.Equal(t, "CommandReused", c.post(path, "t", postBody("t", "1.00")).code(t))
}

// One key at two accounts is two keys, in whatever order and however often the service is started.
func TestKeyCountsForOneAccount(t *testing.T) {
	t.Parallel()
	kept := keptBackend(t)
	c := start(t, kept)
	c.open("a")
	c.open("b")
	var first []reply
	for _, account := range []string{"a", "b"} {
		r := c.post(accountsPath+"/"+account+"/credits", "t", postBody("t", "1.00"))
		require.Equal(t, http.StatusCreated, r.status, r.text)
		require.Empty(t, r.header.Get(replayedHeader))
		first = append(first, r)
	}
	require.Equal(t, http.StatusCreated, c.post(accountsPath, "t", createBody("c")).status)
	require.Equal(t, "CommandReused", c.post(accountsPath+"/c/credits", "t", postBody("t", "1.00")).code(t))
	for range 2 {
		require.NoError(t, c.stop())
		c = start(t, kept)
		for i, account := range []string{"b", "a"} {
			repeated(t, first[1-i], c.post(accountsPath+"/"+account+"/credits", "t", postBody("t", "1.00")))
			require.Equal(t, "CommandReused",
				c.post(accountsPath+"/"+account+"/debits", "t", postBody("t", "1.00")).code(t))
		}
	}
}

// A request in another form is the same request. The order of names, zeros of an amount and the
// zone of a time do not matter.
func TestKeyIsOfWhatARequestSays(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	path := accountsPath + "/a/credits"
	body := func(amount, at string) string {
		return `{"amount":"` + amount +
			`","currency":"USD","contra":"bank","entryType":"TOPUP","transactionId":"t","effectiveAt":"` + at + `"}`
	}
	first := c.post(path, "t", body("1.50", "2026-01-31T18:00:00.123456Z"))
	require.Equal(t, http.StatusCreated, first.status, first.text)
	for _, same := range []string{
		body("1.5", "2026-01-31T18:00:00.123456Z"), body("01.50", "2026-01-31T18:00:00.123456789Z"),
		body("1.50", "2026-01-31T19:00:00.123456+01:00"),
		` {"transactionId" : "t", "effectiveAt":"2026-01-31T18:00:00.123456Z",` +
			`"entryType":"TOPUP","contra":"b\u0061nk","currency":"USD","amount":"1.50"}`,
	} {
		repeated(t, first, c.post(path, "t", same))
	}
	for _, other := range []string{
		body("1.51", "2026-01-31T18:00:00.123456Z"), body("1.50", "2026-01-31T18:00:00.123457Z"), postBody("t", "1.50"),
	} {
		require.Equal(t, "CommandReused", c.post(path, "t", other).code(t), other)
	}
	require.Equal(t, "1.50", c.posted("a"))
}

// If a request is refused before the domain decides, its key stays free.
func TestKeyOfAnInvalidRequestIsFree(t *testing.T) {
	t.Parallel()
	c := start(t)
	require.Equal(t, "ValidationFailed", c.post(accountsPath, "k", `{}`).code(t))
	require.Equal(t, "InvalidCurrency",
		c.post(accountsPath, "k-2", strings.ReplaceAll(createBody("a"), "USD", "XXY")).code(t))
	require.Equal(t, http.StatusCreated, c.post(accountsPath, "k", createBody("a")).status)
}

// The key of a posting is its transactionId. If the Idempotency-Key is another id, nothing is
// dispatched, and both ids stay free.
func TestPostingWithAnotherKey(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	for _, side := range []string{"credits", "debits"} {
		path := accountsPath + "/a/" + side
		r := c.post(path, "k", postBody("t", "1.00"))
		require.Equal(t, http.StatusUnprocessableEntity, r.status)
		require.Equal(t, "IdempotencyKeyMismatch", r.code(t))
		var p problem
		r.as(t, &p)
		require.Equal(t, `the Idempotency-Key is "k", expected "t", the transactionId, which is the key of a posting: `+
			"nothing was changed; leave the header out, or send the transactionId in it", p.Detail)
		require.Equal(t, "k", r.header.Get("Idempotency-Key"))
		require.Equal(t, "InvalidId", c.post(path, "transit:k", postBody("t", "1.00")).code(t))
		require.Equal(t, "InvalidId", c.post(path, "k", postBody("transit:t", "1.00")).code(t))
	}
	metrics := c.do(http.MethodGet, "/metrics", "").text
	require.NotContains(t, metrics, `command="CreditAccount"`, "nothing was dispatched")
	require.NotContains(t, metrics, `command="DebitAccount"`, "nothing was dispatched")

	for _, free := range []string{"k", "t"} {
		r := c.post(accountsPath+"/a/credits", free, postBody(free, "1.00"))
		require.Equal(t, http.StatusCreated, r.status, r.text)
		require.Empty(t, r.header.Get(replayedHeader))
	}
	require.Equal(t, "IdempotencyKeyMismatch",
		c.post(accountsPath+"/a/credits", "k", postBody("t", "1.00")).code(t), "though both were posted")
	require.Equal(t, "2.00", c.posted("a"))
}

// A request with the id of another one is told which id that is, and where the request has it.
func TestReusedKeyIsNamed(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	require.Equal(t, http.StatusCreated, c.do(http.MethodPost, accountsPath+"/a/credits", postBody("t", "1.00")).status)
	for _, reused := range []struct{ path, key, body, detail string }{
		{accountsPath + "/a/credits", "t", postBody("t", "2.00"), `the transactionId "t" was used for another request`},
		{accountsPath + "/a/debits", "t", postBody("t", "1.00"), `the transactionId "t" was used for another request`},
		{accountsPath, "t", createBody("a"), `the Idempotency-Key "t" was used for another request to account "a"`},
	} {
		r := c.post(reused.path, reused.key, reused.body)
		require.Equal(t, http.StatusUnprocessableEntity, r.status)
		require.Equal(t, "CommandReused", r.code(t))
		var p problem
		r.as(t, &p)
		require.Contains(t, p.Detail, reused.detail)
		require.Equal(t, reused.key, r.header.Get("Idempotency-Key"))
	}
}

// If a request has no key, the key of a posting is the transaction's id. The key of an account is a
// new one.
func TestRequestWithoutAKeyGetsOne(t *testing.T) {
	t.Parallel()
	c := start(t)
	created := c.do(http.MethodPost, accountsPath, createBody("a"))
	repeated(t, created, c.post(accountsPath, created.header.Get("Idempotency-Key"), createBody("a")))
	require.Equal(t, "AccountAlreadyExists", c.do(http.MethodPost, accountsPath, createBody("a")).code(t))

	path := accountsPath + "/a/credits"
	first := c.do(http.MethodPost, path, postBody("t", "1.00"))
	require.Equal(t, "t", first.header.Get("Idempotency-Key"))
	repeated(t, first, c.post(path, "t", postBody("t", "1.00")))
	repeated(t, first, c.do(http.MethodPost, path, postBody("t", "1.00")))
	require.Equal(t, "CommandReused", c.do(http.MethodPost, path, postBody("t", "2.00")).code(t))
	require.Equal(t, "1.00", c.posted("a"))
}

func TestOneKeySentManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	replies := make([]reply, 24)
	var group sync.WaitGroup
	for i := range replies {
		group.Go(func() {
			r, err := c.try(http.MethodPost, accountsPath+"/a/credits", postBody("t", "1.00"), "Idempotency-Key", "t")
			if err != nil {
				t.Error(err)
			}
			replies[i] = r
		})
	}
	group.Wait()
	fresh := 0
	for _, r := range replies {
		require.Equal(t, http.StatusCreated, r.status, r.text)
		require.Equal(t, replies[0].text, r.text)
		if r.header.Get(replayedHeader) == "" {
			fresh++
		}
	}
	require.Equal(t, 1, fresh)
	require.Equal(t, "1.00", c.posted("a"))
}

// unlucky is a store whose appends fail after they were stored, or instead of being stored.
type unlucky struct {
	eventstore.Store
	after, instead func() error
}

func (u *unlucky) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if len(c.Records) == 0 {
		return u.Store.Append(ctx, c)
	}
	if err := u.instead(); err != nil {
		return eventstore.Result{}, err
	}
	r, err := u.Store.Append(ctx, c)
	if err == nil {
		err = u.after()
	}
	return r, err
}

func TestUnknownOutcomeIsKnownAfterARepetition(t *testing.T) {
	t.Parallel()
	fail := false
	store := &unlucky{instead: func() error { return nil }, after: func() error {
		if fail {
			return eventstore.ErrOutcomeUnknown
		}
		return nil
	}}
	c := start(t, over(func(s eventstore.Store) eventstore.Store { store.Store = s; return store }))
	c.open("a")
	fail = true
	r := c.post(accountsPath+"/a/credits", "t", postBody("t", "1.00"))
	require.Equal(t, http.StatusGatewayTimeout, r.status)
	require.Equal(t, "OutcomeUnknown", r.code(t))
	require.Contains(t, r.text, "same Idempotency-Key")
	require.Equal(t, "t", r.header.Get("Idempotency-Key"))
	fail = false
	r = c.post(accountsPath+"/a/credits", "t", postBody("t", "1.00"))
	require.Equal(t, http.StatusCreated, r.status)
	require.Equal(t, "true", r.header.Get(replayedHeader))
	require.Equal(t, "1.00", c.posted("a"))
}

// A request that failed without a change may be sent again with its key.
func TestFailuresAreNotTheAnswerToAKey(t *testing.T) {
	t.Parallel()
	for _, failure := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{
			"owner known", &kafka.NotOwnerError{Owner: "billing-2:3001", Err: eventstore.ErrNotOwner},
			http.StatusMisdirectedRequest, "NotOwner",
		},
		{"owner unknown", &kafka.NotOwnerError{Err: eventstore.ErrNotOwner}, http.StatusServiceUnavailable, "NotOwner"},
		{"closed", eventstore.ErrClosed, http.StatusServiceUnavailable, "Unavailable"},
		{"time is up", context.DeadlineExceeded, http.StatusServiceUnavailable, "Unavailable"},
		{
			"refused by the brokers", &kafka.RefusedError{Topic: "secret", Err: fmt.Errorf("secret")},
			http.StatusServiceUnavailable, "Unavailable",
		},
		{"a fault", fmt.Errorf("secret"), http.StatusInternalServerError, "InternalError"},
	} {
		t.Run(failure.name, func(t *testing.T) {
			t.Parallel()
			var err error
			store := &unlucky{instead: func() error { return err }, after: func() error { return nil }}
			c := start(t, over(func(s eventstore.Store) eventstore.Store { store.Store = s; return store }))
			c.open("a")
			err = failure.err
			r := c.post(accountsPath+"/a/credits", "t", postBody("t", "1.00"))
			require.Equal(t, failure.status, r.status)
			require.Equal(t, failure.code, r.code(t))
			require.NotContains(t, r.text, "secret")
			require.Equal(t, failure.status == http.StatusServiceUnavailable, r.header.Get("Retry-After") != "")
			if failure.name == "owner known" {
				var p problem
				r.as(t, &p)
				require.Equal(t, "billing-2:3001", p.Owner)
			}
			err = nil
			r = c.post(accountsPath+"/a/credits", "t", postBody("t", "1.00"))
			require.Equal(t, http.StatusCreated, r.status)
			require.Empty(t, r.header.Get(replayedHeader))
		})
	}
}
