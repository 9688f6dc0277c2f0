package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fencelog/fencelog/internal/process"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

const (
	healthTimeout = 2 * time.Minute
	healthPoll    = 200 * time.Millisecond
	answerTimeout = 15 * time.Second
	maxAnswer     = 8 << 20
	maxShown      = 500 // of an answer that is an error
)

// await asks a process's page until good accepts the answer. Now and then it says that it waits.
func await(
	ctx context.Context, p *process.Child, url string, good func(body []byte) error, tell *progress.Teller,
) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	asking, giveUp := context.WithCancel(ctx)
	defer giveUp()
	go func() { // another program may have the port, and not answer
		select {
		case <-p.Done():
			giveUp()
		case <-asking.Done():
		}
	}()
	var last atomic.Value // string
	last.Store("does not answer yet")
	defer tell.During(func() string { return fmt.Sprintf("waiting for %s (%s)", p.Name(), last.Load()) })()
	ticker := time.NewTicker(healthPoll)
	defer ticker.Stop()
	for {
		body, err := get(asking, url)
		if err == nil {
			err = good(body)
		}
		select {
		case <-p.Done(): // before the answer counts: it may be another program's
			return ended(p)
		default:
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			last.Store(strings.Join(strings.Fields(err.Error()), " ")) // in one line
		}
		select {
		case <-ticker.C:
		case <-p.Done():
			return ended(p)
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy (%w): %w; %s", p.Name(), context.Cause(ctx), err, logged(p))
		}
	}
}

// anything accepts every answer.
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
