package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	healthTimeout = 2 * time.Minute
	healthPoll    = 200 * time.Millisecond
	answerTimeout = 15 * time.Second
	maxAnswer     = 8 << 20
	maxShown      = 500 // of an answer that is an error
)

// await asks a process's page until good says that the answer is what it should be.
func await(ctx context.Context, p *process, url string, good func(body []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	ticker := time.NewTicker(healthPoll)
	defer ticker.Stop()
	for {
		body, err := get(ctx, url)
		if err == nil {
			err = good(body)
		}
		select {
		case <-p.done: // before the answer counts: it may be another program's
			return p.died()
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-p.done:
			return p.died()
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy (%w): %w; its log ends:\n%s", p.name, context.Cause(ctx), err, tail(p.log))
		}
	}
}

// anything is good enough.
func anything([]byte) error { return nil }

// get returns a page and expects status 200.
func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: %.*s", url, response.Status, maxShown, body)
	}
	return body, nil
}
