package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// What the HTTP server writes when it answers without a handler. It offers no way to say it
// otherwise: see https://github.com/golang/go/issues/21548.
const (
	ownHeaders        = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	ownVersion        = "HTTP/1.1 "
	expectationFailed = ownVersion + "417 "
)

// asProblem returns the problem that stands for an answer of the HTTP server, and whether b is one.
// No handler writes any: each answer of a handler has more headers, and none has the status 417.
func asProblem(b []byte, newID func() string) ([]byte, bool) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || !bytes.HasPrefix(line, []byte(ownVersion)) {
		return nil, false
	}
	if !bytes.HasPrefix(b, []byte(expectationFailed)) && !bytes.HasPrefix(rest, []byte(ownHeaders[len("\r\n"):])) {
		return nil, false
	}
	code, words, _ := strings.Cut(string(line[len(ownVersion):]), " ")
	status, err := strconv.Atoi(code)
	if err != nil || status < http.StatusBadRequest {
		return nil, false
	}
	_, reason, _ := strings.Cut(words, ": ")
	return problemOfServer(status, reason, newID()), true
}

func problemOfServer(status int, reason, id string) []byte {
	p := newProblem(status, codeMalformed, "the request is no HTTP/1.1: look at its first line, its target and its headers")
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		p = newProblem(status, codeHeadersTooLarge, "the headers have more than "+strconv.Itoa(maxHeaderBytes)+" bytes")
	case http.StatusNotImplemented:
		p = newProblem(status, codeTransferCoding, "the Transfer-Encoding is unknown here, expected chunked or none")
	case http.StatusHTTPVersionNotSupported:
		p = newProblem(status, codeVersion, "expected HTTP/1.1 or HTTP/1.0")
	case http.StatusExpectationFailed:
		p = newProblem(status, codeExpectation, "Expect asks for what the service does not do, expected 100-continue or none")
	}
	if reason != "" {
		p.Detail += "; " + reason
	}
	p.CorrelationID = id
	body, err := json.Marshal(p)
	if err != nil {
		body = nil // texts and a number always become JSON
	}
	response := http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header:        http.Header{"Content-Type": {problemType}, correlationHeader: {id}},
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
	var b bytes.Buffer
	_ = response.Write(&b) // into memory
	return b.Bytes()
}
