package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

// problem is an error as the API tells it: RFC 9457.
type problem struct {
	Type      string         `json:"type" doc:"about:blank: the status says what kind of problem it is."`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty" doc:"What is wrong this time."`
	RequestID string         `json:"request_id" doc:"Under which the request is in the portal's log."`
	Errors    []problemError `json:"errors,omitempty" doc:"What of the input is at fault."`
	Near      []DatasetName  `json:"near,omitempty" doc:"Datasets that may have been meant."`

	headers http.Header
}

// problemError points at a fault in the input.
type problemError struct {
	Pointer string `json:"pointer" doc:"JSON Pointer into the body; /query/x, /path/x and /header/x for what stands elsewhere."`
	Message string `json:"message"`
}

// DatasetName is the key of a dataset.
type DatasetName struct {
	Source string `json:"source"`
	Name   string `json:"name"`
}

// Error, GetStatus, GetHeaders and ContentType make huma write a problem as it is.
func (p *problem) Error() string           { return p.Title }
func (p *problem) GetStatus() int          { return p.Status }
func (p *problem) GetHeaders() http.Header { return p.headers }
func (p *problem) ContentType(string) string {
	return "application/problem+json"
}

// problemOf says what programs may know of a failure.
func problemOf(f failure) *problem {
	p := &problem{Type: "about:blank", Title: f.title, Status: f.status, Detail: f.detail, RequestID: f.requestID, headers: http.Header{}}
	if f.status == http.StatusUnprocessableEntity {
		pointer := f.field
		if pointer != "" && !strings.HasPrefix(pointer, "/") {
			pointer = "/" + pointer
		}
		p.Errors = []problemError{{pointer, f.detail}}
	}
	for _, d := range f.near {
		p.Near = append(p.Near, DatasetName{d.Source, d.Name})
	}
	if f.retry > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(int(f.retry.Seconds())))
	}
	return p
}

// problemFor answers an error of an operation.
func (s *Server) problemFor(ctx context.Context, err error) *problem {
	f := failureOf(err)
	s.log(ctx, &f, err)
	return problemOf(f)
}

// problemFromHuma turns what huma itself finds wrong with a request into our problems.
func problemFromHuma(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &problem{Type: "about:blank", Title: titles[m.Status], Status: m.Status, Detail: sentence(m.Detail), RequestID: requestIn(ctx.Context()).id}
	if p.Title == "" {
		p.Title = http.StatusText(m.Status)
	}
	for _, d := range m.Errors {
		if d != nil {
			p.Errors = append(p.Errors, problemError{pointer(d.Location), d.Message})
		}
	}
	return p, nil
}

// pointer turns huma's "body.items[3].name" into "/items/3/name", and "query.limit" into "/query/limit".
func pointer(location string) string {
	location = strings.TrimPrefix(strings.TrimPrefix(location, "body"), ".")
	if location == "" {
		return ""
	}
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(location)
}

// apiError answers errors that no operation has met: no such route, no token, no right.
func (s *Server) apiError(err error, c echo.Context) {
	f := failureOf(err)
	if !s.note(c, &f, err) {
		return
	}
	p := problemOf(f)
	h := c.Response().Header()
	switch {
	case errors.Is(err, errUnauthorized):
		p.Detail = "This needs a bearer token. Whoever runs this portal makes one: portreeve token create --user SUBJECT --scopes read. See " + docsPath + "."
		h.Set("WWW-Authenticate", `Bearer realm="portreeve"`)
	case f.status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="portreeve", error="invalid_token"`)
	case f.status == http.StatusForbidden:
		h.Set("WWW-Authenticate", `Bearer realm="portreeve", error="insufficient_scope"`)
	}
	for name := range p.headers {
		h.Set(name, p.headers.Get(name))
	}
	h.Set("Content-Type", p.ContentType(""))
	if err := c.JSON(f.status, p); err != nil {
		s.Log.ErrorContext(c.Request().Context(), "problem could not be sent", "request_id", f.requestID, "err", err)
	}
}
