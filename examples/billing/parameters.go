package main

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fencelog/fencelog/eventstore"
)

// exact refuses what the API library lets through:
//   - parameters that are empty, given twice, or written in an odd form;
//   - ids that break the rules;
//   - requests that do not accept JSON.
func exact(v *service) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if !acceptable(r.Header.Values("Accept")) {
			accept := strings.Join(r.Header.Values("Accept"), ", ")
			newProblem(http.StatusNotAcceptable, codeNotAcceptable,
				fmt.Sprintf("Accept is %q, expected one that %s fits", accept, jsonType)).write(w, r)
			return
		}
		if err := checkParameters(ctx.Operation(), r); err != nil {
			v.problemOf(r.Context(), err).write(w, r)
			return
		}
		next(ctx)
	}
}

// checkParameters returns what is wrong with the parameters, as a problem or as a refusal of the
// domain.
func checkParameters(op *huma.Operation, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem(http.StatusBadRequest, codeMalformed, "the query of the URL is none: "+err.Error())
	}
	var wrong []*huma.ErrorDetail
	var invalid error
	for _, p := range op.Parameters {
		var values []string
		switch p.In {
		case "query":
			values = query[p.Name]
		case "header":
			values = r.Header.Values(p.Name)
		case "path":
			values = []string{r.PathValue(p.Name)}
		}
		if len(values) == 0 {
			continue
		}
		if message := checkParameter(p, values); message != "" {
			wrong = append(wrong, &huma.ErrorDetail{Message: message, Location: p.In + "." + p.Name, Value: values})
		}
		invalid = cmp.Or(invalid, checkID(p.Schema.Format, p.Name, values[0]))
	}
	if len(wrong) > 0 {
		return invalidRequest(wrong)
	}
	return invalid
}

// wholeNumber is the one way to write an integer.
var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func checkParameter(p *huma.Param, values []string) string {
	value, number := values[0], p.Schema.Type == huma.TypeInteger
	switch {
	case len(values) > 1:
		return fmt.Sprintf("given %d times, expected once", len(values))
	case value == "" && checkID(p.Schema.Format, p.Name, value) == nil:
		return "is empty"
	case !utf8.ValidString(value) && p.In == "header" && p.Schema.Format == "":
		return "is no UTF-8"
	case p.Name == correlationHeader && len(value) > eventstore.MaxIDBytes:
		return fmt.Sprintf("has %d bytes, expected at most %d", len(value), eventstore.MaxIDBytes)
	case number && !wholeNumber.MatchString(value):
		return "is no whole number"
	}
	if number {
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return "is beyond what can be counted"
		}
	}
	return ""
}

// acceptable reports whether the answer may be JSON. If Accept names no type, it may.
func acceptable(accept []string) bool {
	best, quality, empty := -1, 0.0, true
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		empty = false
		media, parameters, err := mime.ParseMediaType(item)
		fits := map[string]int{"*/*": 0, "application/*": 1, jsonType: 2}
		at, ok := fits[media]
		if err != nil || !ok || at < best {
			continue
		}
		best, quality = at, 1
		if q, ok := parameters["q"]; ok {
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				quality = 1
			}
		}
	}
	return empty || quality > 0
}
