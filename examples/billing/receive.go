package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	jsonType  = "application/json"
	keyHeader = "Idempotency-Key"
)

// received reads the whole body of a request before it calls next. So a client that sends slowly
// holds nothing but its connection.
func received(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, refused := receive(w, r)
		if refused == nil && !connectionOf(r.Context()).handle() {
			refused = cutOff()
		}
		if refused != nil {
			refused.write(w, r)
			return
		}
		// Without this, the deadline of reading would end the request while it is handled.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		if len(body) > 0 {
			r.Header.Set("Content-Type", jsonType) // the API library compares it byte by byte
		}
		next.ServeHTTP(w, r)
	})
}

func receive(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	for _, header := range []string{keyHeader, correlationHeader, "Content-Type"} {
		if n := len(r.Header.Values(header)); n > 1 {
			return nil, newProblem(http.StatusBadRequest, codeMalformed,
				fmt.Sprintf("the header %s was sent %d times, expected one", header, n))
		}
	}
	if r.Method != http.MethodPost {
		if r.ContentLength != 0 {
			return nil, newProblem(http.StatusBadRequest, codeMalformed, r.Method+" takes no body").closing()
		}
		return nil, nil
	}
	if refused := checkContent(r.Header); refused != nil {
		return nil, refused.closing()
	}
	connectionOf(r.Context()).receive()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, newProblem(http.StatusRequestEntityTooLarge, codeBodyTooLarge,
			fmt.Sprintf("the body has more than %d bytes", maxBodyBytes)).closing()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, cutOff()
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, codeMalformed,
			"the body does not come to its end: "+err.Error()).closing()
	case len(body) == 0:
		return nil, newProblem(http.StatusBadRequest, codeMalformed, "there is no body, expected a JSON object")
	}
	return body, nil
}

func cutOff() *problem {
	return newProblem(http.StatusRequestTimeout, codeBodyTimeout,
		"the body did not come to its end in time; nothing was changed").closing()
}

// checkContent refuses a body that is not plain JSON.
func checkContent(h http.Header) *problem {
	for _, values := range h.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(values, ",") {
			if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, "identity") {
				return newProblem(http.StatusUnsupportedMediaType, codeMediaType,
					fmt.Sprintf("Content-Encoding is %q, expected none: send the body as it is", coding)).
					header("Accept-Encoding", "identity")
			}
		}
	}
	found := h.Get("Content-Type")
	media, parameters, err := mime.ParseMediaType(found)
	charset, given := parameters["charset"]
	if given {
		delete(parameters, "charset")
	}
	if err != nil || media != jsonType || len(parameters) > 0 || given && !strings.EqualFold(charset, "utf-8") {
		return newProblem(http.StatusUnsupportedMediaType, codeMediaType,
			fmt.Sprintf("Content-Type is %q, expected %s, with charset=utf-8 or without", found, jsonType)).
			header("Accept", jsonType)
	}
	return nil
}
