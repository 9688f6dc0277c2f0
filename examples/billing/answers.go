package main

import (
	"container/list"
	"context"
	"net/http"
	"sync"

	"github.com/fencelog/fencelog/billing/account"
)

// maxAnswers bounds the keys that are remembered.
const maxAnswers = 100_000

// answers remembers the keys of requests: what each was first used for, and how it was refused. Accepted commands need no such memory: their
// events hold the key for ever. It forgets the key that was used first when it holds too many, and all of them when the program ends.
type answers struct {
	most int

	mu    sync.Mutex
	byKey map[string]*answer
	order list.List // of *answer, the oldest first
}

// answer is what is known of one key.
type answer struct {
	key, fingerprint string
	turn             chan struct{} // holds a token while a request with the key is under way
	refused          *problem      // the token's holder reads and writes it
}

func newAnswers(most int) *answers { return &answers{most: most, byKey: make(map[string]*answer)} }

// enter waits until no other request with the key is under way. It fails with a *problem if the key was used for another request, or if ctx ends; else
// the caller must leave the answer.
func (a *answers) enter(ctx context.Context, key, fingerprint string) (*answer, error) {
	found := a.find(key, fingerprint)
	if found.fingerprint != fingerprint {
		return nil, keyReused(key)
	}
	select {
	case found.turn <- struct{}{}: // also if ctx has ended: no request with the key is under way, so nothing is unknown
		return found, nil
	default:
	}
	select {
	case found.turn <- struct{}{}:
		return found, nil
	case <-ctx.Done():
		return nil, newProblem(http.StatusGatewayTimeout, codeOutcomeUnknown,
			"a request with this Idempotency-Key is under way, and what becomes of it is not known yet; send it again with the same key, which is safe, until it is answered").
			retryLater()
	}
}

func (a *answers) find(key, fingerprint string) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.byKey[key]; ok {
		return found
	}
	fresh := &answer{key: key, fingerprint: fingerprint, turn: make(chan struct{}, 1)}
	a.byKey[key] = fresh
	a.order.PushBack(fresh)
	if a.order.Len() > a.most {
		oldest := a.order.Remove(a.order.Front()).(*answer)
		delete(a.byKey, oldest.key)
	}
	return fresh
}

// leave lets the next request with the key go on.
func (a *answer) leave() { <-a.turn }

func keyReused(key string) *problem {
	return newProblem(http.StatusUnprocessableEntity, string(account.ErrIdempotencyKeyReused),
		"the Idempotency-Key \""+key+"\" was used for another request before: give each request a key of its own, and repeat one only with what it was sent with")
}
