package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// statusOf returns the HTTP status of a refusal: 422, unless another status says it better.
func statusOf(code refusal.Code) int {
	switch code {
	case account.ErrAccountNotFound, codeNoPosting:
		return http.StatusNotFound
	case account.ErrAccountAlreadyExists, account.ErrAccountNotActive:
		return http.StatusConflict
	default:
		return http.StatusUnprocessableEntity
	}
}

// problemOf returns what a client is told of an error. If the service is to blame, problemOf also
// logs the error.
func (v *service) problemOf(ctx context.Context, err error) *problem {
	if p := (*problem)(nil); errors.As(err, &p) {
		return p
	}
	if code, ok := refusal.Of(err); ok {
		return newProblem(statusOf(code), string(code), err.Error())
	}
	var no *kafka.NotOwnerError
	var refused *kafka.RefusedError
	switch {
	case errors.Is(err, eventstore.ErrInvalid):
		return newProblem(http.StatusUnprocessableEntity, codeInvalid, err.Error())
	case errors.As(err, &no) && no.Owner != "":
		p := newProblem(http.StatusMisdirectedRequest, codeNotOwner,
			"another instance owns this account; send the request to "+no.Owner)
		p.Owner = no.Owner
		return p
	case errors.Is(err, eventstore.ErrNotOwner):
		return newProblem(http.StatusServiceUnavailable, codeNotOwner,
			"this instance does not own the account, and which one does is not known yet; nothing was changed; "+
				"try again").retryLater()
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		v.logger.LogAttrs(ctx, slog.LevelError, "outcome of a command is unknown", slog.String("error", err.Error()))
		return newProblem(http.StatusGatewayTimeout, codeOutcomeUnknown,
			"whether the request was applied is not known; send it again with the same Idempotency-Key, "+
				"which is safe, until it is answered").
			retryLater()
	case errors.As(err, &refused): // such as a missing permission: somebody must mend it
		v.logger.LogAttrs(ctx, slog.LevelError, "the brokers refuse commits", slog.String("error", err.Error()))
		return newProblem(http.StatusServiceUnavailable, codeUnavailable,
			"the events cannot be stored at present; nothing was changed; try again").
			retryLater()
	case errors.Is(err, eventstore.ErrClosed), errors.Is(err, eventstore.ErrConflict),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		v.logger.LogAttrs(ctx, slog.LevelWarn, "request not served", slog.String("error", err.Error()))
		return newProblem(http.StatusServiceUnavailable, codeUnavailable,
			"the request was not served in time; nothing was changed; try again").
			retryLater()
	}
	v.logger.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("error", err.Error()))
	return newProblem(http.StatusInternalServerError, codeInternal, internalDetail)
}
