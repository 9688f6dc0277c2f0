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

// repeated compares an answer with the one before to the same request.
func repeated(t *testing.T, first, second reply) {
	t.Helper()
	require.Equal(t, first.status, second.status, second.text)
	require.Empty(t, first.header.Get(replayedHeader))
	require.Equal(t, "true", second.header.Get(replayedHeader))
	require.Equal(t, first.header.Get("Idempotency-Key"), second.header.Get("Idempotency-Key"))
	require.Equal(t, withoutCorrelation(first), withoutCorrelation(second))
}

// withoutCorrelation leaves out what names the request.
func withoutCorrelation(r reply) string {
	return strings.ReplaceAll(r.text, r.header.Get(correlationHeader), "")
}

// A key gets the answer that it got first, whatever has happened since, and whether the service was started anew.
func TestKeyGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	b := memoryBackend(t)
	kept := func(s *server) {
		s.connect = func(context.Context, settings, *telemetry, *slog.Logger) (*backend, error) {
			again := *b
			again.close = func() error { return nil }
			return &again, nil
		}
	}
	requests := []struct{ path, key, body string }{
		{accountsPath, "k-1", createBody("a")},
		{accountsPath + "/a/credits", "k-2", postBody("t-2", "10.00")},
		{accountsPath + "/a/debits", "k-3", postBody("t-3", "2.00")},
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
	other := []string{createBody("a2"), postBody("t-2", "10.01"), postBody("t-9", "2.00")}
	for i, r := range requests {
		require.Equal(t, "IdempotencyKeyReused", c.post(r.path, r.key, other[i]).code(t))
	}
	require.NoError(t, c.stop())

	c = start(t, kept)
	for i, r := range requests {
		repeated(t, first[i], c.post(r.path, r.key, r.body))
	}
	require.NoError(t, c.stop())

	c = start(t, kept) // it has seen none of the keys: what is in the events is enough
	for i, r := range requests[1:] {
		require.Equal(t, "IdempotencyKeyReused", c.post(r.path, r.key, other[i+1]).code(t))
	}
	require.Equal(t, "8.00", c.posted("a"))
}

func TestRefusedKeyIsRefusedAgain(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	path := accountsPath + "/a/debits"
	first := c.post(path, "k", postBody("t", "1.00"))
	require.Equal(t, "InsufficientFunds", first.code(t))
	require.Equal(t, http.StatusCreated, c.post(accountsPath+"/a/credits", "topup", postBody("topup", "10.00")).status)
	repeated(t, first, c.post(path, "k", postBody("t", "1.00")))
	require.Equal(t, "IdempotencyKeyReused", c.post(path, "k", postBody("t", "2.00")).code(t))
	require.Equal(t, http.StatusCreated, c.post(path, "k-2", postBody("t", "1.00")).status, "another key is another request")
}

// What the library refuses before the business is asked is not an answer to the key.
func TestKeyOfAnInvalidRequestIsFree(t *testing.T) {
	t.Parallel()
	c := start(t)
	require.Equal(t, "ValidationFailed", c.post(accountsPath, "k", `{}`).code(t))
	require.Equal(t, "InvalidCurrency", c.post(accountsPath, "k-2", strings.ReplaceAll(createBody("a"), "USD", "XXY")).code(t))
	require.Equal(t, http.StatusCreated, c.post(accountsPath, "k", createBody("a")).status)
}

func TestTransactionIsPostedOnceUnderTwoKeys(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	first := c.post(accountsPath+"/a/credits", "k-1", postBody("t", "1.00"))
	second := c.post(accountsPath+"/a/credits", "k-2", postBody("t", "1.00"))
	require.Equal(t, "true", second.header.Get(replayedHeader))
	require.Equal(t, first.text, second.text)
	require.Equal(t, "1.00", c.posted("a"))
}

func TestRequestWithoutAKeyGetsOne(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	first := c.do(http.MethodPost, accountsPath+"/a/credits", postBody("t", "1.00"))
	key := first.header.Get("Idempotency-Key")
	require.NotEmpty(t, key)
	repeated(t, first, c.post(accountsPath+"/a/credits", key, postBody("t", "1.00")))
}

func TestOneKeySentManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	replies := make([]reply, 24)
	var group sync.WaitGroup
	for i := range replies {
		group.Go(func() {
			r, err := c.try(http.MethodPost, accountsPath+"/a/credits", postBody("t", "1.00"), "Idempotency-Key", "k")
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

// The memory of keys is bounded: the key that was used first is forgotten.
func TestAnswersForgetTheOldest(t *testing.T) {
	t.Parallel()
	a := newAnswers(2)
	for i := range 3 {
		entered, err := a.enter(t.Context(), fmt.Sprint("k-", i), "print")
		require.NoError(t, err)
		entered.leave()
	}
	_, err := a.enter(t.Context(), "k-1", "another")
	require.Error(t, err)
	entered, err := a.enter(t.Context(), "k-0", "another")
	require.NoError(t, err)
	entered.leave()
	require.Len(t, a.byKey, 2)
	require.Equal(t, 2, a.order.Len())
}

// Who waits for a request with the same key in vain does not know what became of it.
func TestWaitingForAKeyInVain(t *testing.T) {
	t.Parallel()
	a := newAnswers(2)
	first, err := a.enter(t.Context(), "k", "print")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.enter(ctx, "k", "print")
	var p *problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, "OutcomeUnknown", p.Code)
	require.Equal(t, http.StatusGatewayTimeout, p.Status)
	require.NotEmpty(t, p.headers.Get("Retry-After"))
	require.False(t, final(p))
	first.leave()
	again, err := a.enter(t.Context(), "k", "print")
	require.NoError(t, err)
	again.leave()
}

// A request whose time is over gets its turn if no other has the key: nothing was stored then, and that is known.
func TestKeyWithoutAnotherRequestWaitsForNothing(t *testing.T) {
	t.Parallel()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	a := newAnswers(2)
	for range 50 { // a choice between both would be made at random
		entered, err := a.enter(late, "k", "print")
		require.NoError(t, err)
		entered.leave()
	}
}

// unlucky is a store that fails appends after they were stored, or instead.
type unlucky struct {
	eventstore.Store
	after, instead func() error
}

func (u *unlucky) Append(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records ...eventstore.Record,
) (eventstore.Result, error) {
	if err := u.instead(); err != nil {
		return eventstore.Result{}, err
	}
	r, err := u.Store.Append(ctx, stream, expected, records...)
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
	r := c.post(accountsPath+"/a/credits", "k", postBody("t", "1.00"))
	require.Equal(t, http.StatusGatewayTimeout, r.status)
	require.Equal(t, "OutcomeUnknown", r.code(t))
	require.Contains(t, r.text, "same Idempotency-Key")
	require.Equal(t, "k", r.header.Get("Idempotency-Key"))
	fail = false
	r = c.post(accountsPath+"/a/credits", "k", postBody("t", "1.00"))
	require.Equal(t, http.StatusCreated, r.status)
	require.Equal(t, "true", r.header.Get(replayedHeader))
	require.Equal(t, "1.00", c.posted("a"))
}

// What failed without a change may be sent again with its key.
func TestFailuresAreNotTheAnswerToAKey(t *testing.T) {
	t.Parallel()
	for _, failure := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"owner known", &kafka.NotOwnerError{Owner: "billing-2:3001", Err: eventstore.ErrNotOwner}, http.StatusMisdirectedRequest, "NotOwner"},
		{"owner unknown", &kafka.NotOwnerError{Err: eventstore.ErrNotOwner}, http.StatusServiceUnavailable, "NotOwner"},
		{"closed", eventstore.ErrClosed, http.StatusServiceUnavailable, "Unavailable"},
		{"time is up", context.DeadlineExceeded, http.StatusServiceUnavailable, "Unavailable"},
		{"refused by the brokers", &kafka.RefusedError{Topic: "secret", Err: fmt.Errorf("secret")}, http.StatusServiceUnavailable, "Unavailable"},
		{"a fault", fmt.Errorf("secret"), http.StatusInternalServerError, "InternalError"},
	} {
		t.Run(failure.name, func(t *testing.T) {
			t.Parallel()
			var err error
			store := &unlucky{instead: func() error { return err }, after: func() error { return nil }}
			c := start(t, over(func(s eventstore.Store) eventstore.Store { store.Store = s; return store }))
			c.open("a")
			err = failure.err
			r := c.post(accountsPath+"/a/credits", "k", postBody("t", "1.00"))
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
			r = c.post(accountsPath+"/a/credits", "k", postBody("t", "1.00"))
			require.Equal(t, http.StatusCreated, r.status)
			require.Empty(t, r.header.Get(replayedHeader))
		})
	}
}
