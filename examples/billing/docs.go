package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const docsPath = "/docs"

//go:embed docs/page.html
var docsPage string

//go:embed docs/style.css
var docsStyle string

// newDocs returns the page that documents the API for people. It is made of the same document as
// /openapi.json, and loads nothing.
func newDocs(api *huma.OpenAPI) (http.Handler, error) {
	page, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, docsOf(api)); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(b.Bytes()) // if it fails, the client is gone
	}), nil
}

// docs is what the page shows.
type docs struct {
	Title, Version string
	Description    []string // paragraphs
	License        *huma.License
	Contact        *huma.Contact
	Style          template.CSS
	Groups         []docsGroup
	Models         []docsModel
}

type docsGroup struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary string
	Description               []string
	Parameters                []docsField
	Body                      *docsModel
	Example                   string
	Answers                   []docsAnswer
}

type docsAnswer struct {
	Status, Kind, Description, Model string
	Headers                          []string
}

type docsModel struct {
	Name    string
	Fields  []docsField
	Example string
}

type docsField struct {
	Name, Type, In, Model, Description string
	Required                           bool
	Rules                              []string
}

func docsOf(api *huma.OpenAPI) docs {
	d := docs{
		Title: api.Info.Title, Version: api.Info.Version, Description: paragraphs(api.Info.Description),
		License: api.Info.License, Contact: api.Info.Contact, Style: template.CSS(docsStyle), //nolint:gosec // embedded
	}
	models := api.Components.Schemas.Map()
	for _, tag := range api.Tags {
		group := docsGroup{Name: tag.Name, Description: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
			for _, op := range []*huma.Operation{api.Paths[path].Get, api.Paths[path].Post} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					group.Operations = append(group.Operations, docsOperationOf(op, models))
				}
			}
		}
		d.Groups = append(d.Groups, group)
	}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		d.Models = append(d.Models, docsModelOf(name, models))
	}
	return d
}

func paragraphs(text string) []string {
	var all []string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

func docsOperationOf(op *huma.Operation, models map[string]*huma.Schema) docsOperation {
	d := docsOperation{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary,
		Description: paragraphs(op.Description),
	}
	for _, p := range op.Parameters {
		f := docsFieldOf(p.Name, p.Schema, p.Required)
		f.In, f.Description = p.In, cmp.Or(p.Description, f.Description)
		d.Parameters = append(d.Parameters, f)
	}
	body := ""
	if op.RequestBody != nil {
		m := docsModelOf(modelOf(op.RequestBody.Content[jsonType].Schema), models)
		d.Body, body = &m, compact(models[m.Name], models)
	}
	d.Example = curlOf(op, body)
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		d.Answers = append(d.Answers, docsAnswerOf(status, op.Responses[status]))
	}
	return d
}

func docsAnswerOf(status string, r *huma.Response) docsAnswer {
	a := docsAnswer{Status: status, Description: r.Description, Headers: slices.Sorted(maps.Keys(r.Headers))}
	for _, media := range r.Content {
		a.Model = modelOf(media.Schema)
	}
	switch n, _ := strconv.Atoi(status); {
	case n >= http.StatusInternalServerError:
		a.Kind = "later"
	case n > 0 && n < http.StatusBadRequest:
		a.Kind = "success"
	}
	return a
}

// modelOf returns the name of the model that a schema refers to.
func modelOf(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
}

func docsModelOf(name string, models map[string]*huma.Schema) docsModel {
	s := models[name]
	m := docsModel{Name: name, Example: indented(exampleOf(s, models))}
	for _, field := range fieldsOf(s) {
		m.Fields = append(m.Fields, docsFieldOf(field, s.Properties[field], slices.Contains(s.Required, field)))
	}
	return m
}

// fieldsOf returns the names of a model's fields: those that must be there in their order, then the
// others by name.
func fieldsOf(s *huma.Schema) []string {
	names := slices.Clone(s.Required)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func docsFieldOf(name string, s *huma.Schema, required bool) docsField {
	f := docsField{Name: name, Type: s.Type, Description: s.Description, Required: required, Model: modelOf(s)}
	switch {
	case s.Type == huma.TypeArray:
		f.Type, f.Model = "list of "+s.Items.Type, modelOf(s.Items)
	case s.Format != "":
		f.Type += ", " + s.Format
	}
	for _, e := range s.Enum {
		f.Rules = append(f.Rules, fmt.Sprint(e))
	}
	if s.Minimum != nil {
		f.Rules = append(f.Rules, fmt.Sprintf("at least %v", *s.Minimum))
	}
	if s.Maximum != nil {
		f.Rules = append(f.Rules, fmt.Sprintf("at most %v", *s.Maximum))
	}
	if s.Default != nil {
		f.Rules = append(f.Rules, fmt.Sprintf("default %v", s.Default))
	}
	if most, ok := s.Extensions["maxLength"]; ok {
		f.Rules = append(f.Rules, fmt.Sprintf("at most %v characters", most))
	}
	if pattern, ok := s.Extensions["pattern"]; ok {
		f.Rules = append(f.Rules, fmt.Sprint(pattern))
	}
	return f
}

// ordered is a JSON object whose members have an order.
type ordered struct {
	names  []string
	values map[string]any
}

// MarshalJSON writes the members in their order.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, name := range o.names {
		value, err := json.Marshal(o.values[name])
		if err != nil {
			return nil, err
		}
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.WriteString(strconv.Quote(name) + ":")
		b.Write(value)
	}
	if len(o.names) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// exampleOf makes a value that fits the schema. If the schema has examples, it takes the first.
func exampleOf(s *huma.Schema, models map[string]*huma.Schema) any {
	switch {
	case s.Ref != "":
		return exampleOf(models[modelOf(s)], models)
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == huma.TypeArray:
		return []any{exampleOf(s.Items, models)}
	case s.Type == huma.TypeObject:
		o := ordered{names: fieldsOf(s), values: make(map[string]any)}
		for name, property := range s.Properties {
			o.values[name] = exampleOf(property, models)
		}
		return o
	case s.Type == huma.TypeInteger:
		return 1
	case s.Type == huma.TypeBoolean:
		return false
	case s.Format == "date-time":
		return "2026-01-31T18:00:00Z"
	}
	return "…"
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func compact(s *huma.Schema, models map[string]*huma.Schema) string {
	o, ok := exampleOf(s, models).(ordered)
	if !ok {
		return ""
	}
	o.names = slices.Clone(s.Required)
	return indented(o)
}

// curlOf returns a line that can be tried on a service that was just started.
func curlOf(op *huma.Operation, body string) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" && len(p.Schema.Examples) > 0 {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(fmt.Sprint(p.Schema.Examples[0])))
		}
	}
	line := "curl localhost:" + defaultPort + path
	if body != "" {
		line += " \\\n  -H 'Content-Type: " + jsonType + "' \\\n  -d '" + body + "'"
	}
	return line
}
