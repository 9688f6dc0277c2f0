package main

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/eventstore"
)

// operation describes an endpoint with the problems that it may answer: those of codes, and those
// that any request of its method may get.
func operation(
	api huma.API, method, path, id, tag, summary, text string, success int, codes ...refusal.Code,
) huma.Operation {
	d := &description{
		problem: problemSchema(api),
		answers: map[string]*huma.Response{
			strconv.Itoa(success): {
				Description: http.StatusText(success),
				Headers:     map[string]*huma.Param{correlationHeader: textHeader(correlationDoc)},
			},
		},
		command: method == http.MethodPost,
	}
	byStatus := make(map[int][]string)
	for _, code := range codes {
		byStatus[statusOf(code)] = append(byStatus[statusOf(code)], string(code))
	}
	byStatus[http.StatusUnprocessableEntity] = append(byStatus[http.StatusUnprocessableEntity], codeInvalid,
		string(ids.ErrInvalid))
	for status, names := range byStatus {
		slices.Sort(names)
		d.describe(status, strings.Join(names, ", "))
	}
	d.describe(http.StatusBadRequest, codeMalformed)
	d.describe(http.StatusNotAcceptable, codeNotAcceptable)
	if d.command {
		d.describe(http.StatusRequestTimeout, codeBodyTimeout)
		d.describe(http.StatusRequestEntityTooLarge, codeBodyTooLarge)
		d.describe(http.StatusUnsupportedMediaType, codeMediaType)
		d.describe(http.StatusMisdirectedRequest, codeNotOwner+": send the request to the owner that is named")
		d.later(http.StatusServiceUnavailable, codeNotOwner+", "+codeUnavailable+": nothing was changed; try again")
		d.later(http.StatusGatewayTimeout, codeOutcomeUnknown+": send the request again with the same Idempotency-Key")
	} else {
		d.later(http.StatusServiceUnavailable, codeUnavailable+": try again")
	}
	d.describe(0, "Any other problem")
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: text,
		Parameters:    []*huma.Param{correlationParameter()},
		DefaultStatus: success, Responses: d.answers,
		MaxBodyBytes: maxBodyBytes, BodyReadTimeout: -1, // the body is there: see received
	}
}

func problemSchema(api huma.API) *huma.Schema {
	return api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
}

func correlationParameter() *huma.Param {
	least := 1
	return &huma.Param{
		Name: correlationHeader, In: "header",
		// maxLength would count characters, so there is none.
		Description: fmt.Sprintf("Names the request in logs and events, in at most %d bytes of UTF-8. Default: "+
			"a new one.",
			eventstore.MaxIDBytes),
		Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least},
	}
}

// describeHealth adds /livez and /readyz, which are no operations of the API.
func describeHealth(api huma.API) {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[health](), true, "Health")
	answer := func(text string) *huma.Response {
		return &huma.Response{
			Description: text, Content: map[string]*huma.MediaType{jsonType: {Schema: schema}},
			Headers: map[string]*huma.Param{correlationHeader: textHeader(correlationDoc)},
		}
	}
	for _, page := range []struct{ path, id, summary, well, unwell string }{
		{"/livez", "getLiveness", "Must it be started again", "No.", "Yes: a partition has ended for good."},
		{"/readyz", "getReadiness", "May it be sent requests", "Yes.", "No, or not yet: the answer says why."},
	} {
		api.OpenAPI().AddOperation(&huma.Operation{
			OperationID: page.id, Method: http.MethodGet, Path: page.path, Tags: []string{healthTag},
			Summary:     page.summary,
			Description: "Answers while the service starts and stops, too.",
			Responses: map[string]*huma.Response{
				strconv.Itoa(http.StatusOK):                 answer(page.well),
				strconv.Itoa(http.StatusServiceUnavailable): answer(page.unwell),
				strconv.Itoa(http.StatusMethodNotAllowed): {
					Description: codeMethodNotAllowed,
					Content:     map[string]*huma.MediaType{problemType: {Schema: problemSchema(api)}},
					Headers: map[string]*huma.Param{
						correlationHeader: textHeader(correlationDoc),
						"Allow":           textHeader("What it takes."),
					},
				},
			},
		})
	}
}

// Texts about headers in the document.
const (
	correlationDoc = "Names the request in the service's logs and in every event that it made: the client's, " +
		"or a new one."
	keyDoc = "The key of the request, or the one that was made for it; " +
		"absent where the request was refused before it was looked at."
	retryDoc = "Seconds to wait before the request is sent again."
)

func textHeader(doc string) *huma.Param {
	return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// description is what the document says of an operation's answers.
type description struct {
	problem *huma.Schema
	answers map[string]*huma.Response
	command bool // it changes something, and has an Idempotency-Key
}

// describe adds a problem; status 0 stands for any other.
func (d *description) describe(status int, text string) *huma.Response {
	answer := &huma.Response{
		Description: text,
		Content:     map[string]*huma.MediaType{problemType: {Schema: d.problem}},
		Headers:     map[string]*huma.Param{correlationHeader: textHeader(correlationDoc)},
	}
	if d.command {
		answer.Headers["Idempotency-Key"] = textHeader(keyDoc)
	}
	name := "default"
	if status != 0 {
		name = strconv.Itoa(status)
	}
	d.answers[name] = answer
	return answer
}

// later adds a problem that does not last.
func (d *description) later(status int, text string) {
	d.describe(status, text).Headers["Retry-After"] = textHeader(retryDoc)
}
