package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// asProblem looks at bytes that are written to a connection. If they are an answer that the HTTP
// server makes without a handler, it returns the problem to write instead, and true. The server has
// no other way to change such an answer: see https://github.com/golang/go/issues/21548.
//
// b is such an answer if its first line is a whole status line as the server writes it, perhaps
// with a reason. No part of a handler's answer is one, whatever texts it holds: JSON has no line
// break of HTTP.
func asProblem(b []byte, newID func() string) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(b, []byte("HTTP/1."))
	if !ok {
		return nil, false
	}
	line, _, ok := bytes.Cut(rest, []byte("\r\n"))
	if !ok {
		return nil, false
	}
	_, words, _ := strings.Cut(string(line), " ") // behind the minor version
	code, words, _ := strings.Cut(words, " ")
	status, err := strconv.Atoi(code)
	text, reason, _ := strings.Cut(words, ": ")
	if err != nil || status < http.StatusBadRequest || text != http.StatusText(status) {
		return nil, false
	}
	return problemOfServer(status, reason, newID()), true
}

func problemOfServer(status int, reason, id string) []byte {
	p := newProblem(status, codeMalformed, "the request is no HTTP/1.1: look at its first line, "+
		"its target and its headers")
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		p = newProblem(status, codeHeadersTooLarge, "the headers have more than "+strconv.Itoa(maxHeaderBytes)+" bytes")
	case http.StatusNotImplemented:
		p = newProblem(status, codeTransferCoding, "the Transfer-Encoding is unknown here, expected chunked or none")
	case http.StatusHTTPVersionNotSupported:
		p = newProblem(status, codeVersion, "expected HTTP/1.1 or HTTP/1.0")
	case http.StatusExpectationFailed:
		p = newProblem(status, codeExpectation, "Expect asks for what the service does not do, "+
			"expected 100-continue or none")
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
