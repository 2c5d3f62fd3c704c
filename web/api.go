package web

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"portreeve/access"
	"portreeve/fault"
)

// apiRoot is where the JSON API stands.
const apiRoot = "/api/v1"

// endpoints is the API while it is being put together: the router, and the description that is made along with it.
type endpoints struct {
	*Server
	router *router
	huma   huma.API
}

// api returns the router of the JSON API.
func (s *Server) api() *router {
	e := s.endpoints()
	e.openAPI()
	return e.router
}

// endpoints returns all operations of the API.
func (s *Server) endpoints() *endpoints {
	r := s.router(s.signedInByToken, s.apiError, middleware.GzipWithConfig(middleware.GzipConfig{
		MinLength: gzipFrom, Skipper: func(c echo.Context) bool { return strings.HasSuffix(c.Path(), "/events") }, // streams must not wait
	}))
	e := &endpoints{s, r, humaecho.New(r.echo, s.apiConfig())}
	e.search()
	e.datasets()
	e.sources()
	e.crawls()
	e.edits()
	e.grants()
	e.people()
	e.auditLog()
	e.watches()
	return e
}

func (s *Server) apiConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Portreeve", Version: s.Version,
				Description: "The catalog as JSON. Times are UTC, keys are snake_case, counts are integers. Lists take limit and cursor and " +
					"answer {items, next_cursor}. Errors are application/problem+json (RFC 9457) with the request_id under which they are in the log.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "A token made by `portreeve token create`. Cookies are not accepted."},
				},
			},
			Tags: []*huma.Tag{{Name: "Catalog"}, {Name: "Sources"}, {Name: "Access"}, {Name: "People"}, {Name: "Audit"}, {Name: "Watches"}},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{problemFromHuma},
	}
}

// register adds an operation to the API: its route, its policy, its place in the description. op.Path is below apiRoot.
func register[I, O any](e *endpoints, op huma.Operation, p policy, do func(context.Context, *I) (*O, error)) {
	op.Path = apiRoot + op.Path
	e.describe(&op, p)
	huma.Register(e.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, e.problemFor(ctx, err)
		}
		return out, nil
	})
}

// describe declares the policy of an operation, to the router and to readers.
func (e *endpoints) describe(op *huma.Operation, p policy) {
	e.router.policies[op.Method+" "+strings.NewReplacer("{", ":", "}", "").Replace(op.Path)] = p
	op.Security = []map[string][]string{{"token": {p.scope}}}
	op.Description = strings.TrimSpace(op.Description + " Needs a token with the scope " + p.scope + " of a person whose role is " + string(p.role) + " or above.")
	schema := e.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	op.Responses = map[string]*huma.Response{"default": {
		Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
	}}
	op.MaxBodyBytes = maxBody
}

// readers is the policy of operations that only tell.
func readers() policy { return scope(access.ScopeRead, access.Viewer) }

// signedInByToken finds out who a bearer token speaks for.
func (s *Server) signedInByToken(c echo.Context) (access.Principal, error) {
	kind, secret, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
	if kind == "" {
		return access.Principal{}, nil
	}
	if !strings.EqualFold(kind, "Bearer") {
		return access.Principal{}, errUnauthorized
	}
	p, err := s.Access.PrincipalByToken(c.Request().Context(), strings.TrimSpace(secret))
	if fault.KindOf(err) == fault.Forbidden {
		return access.Principal{}, errBadToken
	}
	return p, err
}

// errBadToken means that there is a token and it opens nothing.
var errBadToken = echo.NewHTTPError(http.StatusUnauthorized, "The token is not valid: it is unknown, has ended or was revoked.")

// caller returns who asks for an operation.
func caller(ctx context.Context) access.Principal { return requestIn(ctx).principal }

// actOf says who asks for an operation and how, for history and the audit log; reason is in their words.
func actOf(ctx context.Context, reason string) access.Act {
	r := requestIn(ctx)
	return access.Act{Who: r.principal, Via: "api", RequestID: r.id, Address: r.address, Reason: strings.TrimSpace(reason)}
}

// Paging is the input of an operation that answers with a list. Types that are embedded have exported names: huma does not
// look into others.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most items to answer with."`
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the previous answer; empty for the first."`
}

// List is an answer with a list.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor" doc:"Cursor of the next items; empty after the last."`
	Total      *int   `json:"total,omitempty" doc:"Number of all items, where it is known."`
}

// maxOffset is how far a list can be paged through.
const maxOffset = 100_000

// offset returns where the page begins. Cursors are opaque so that they may come to mean something else.
func (p Paging) offset() (int, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	n, convErr := strconv.Atoi(string(raw))
	if errors.Join(err, convErr) != nil || n < 0 || n > maxOffset {
		return 0, fault.Invalidf("/query/cursor", "this cursor was not made here")
	}
	return n, nil
}

// cursorAt returns the cursor of the items from offset on.
func cursorAt(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset)))
}

// pageOf cuts the page that begins at offset out of all items.
func pageOf[T, O any](all []T, p Paging, show func(T) O) (List[O], error) {
	from, err := p.offset()
	if err != nil {
		return List[O]{}, err
	}
	from = min(from, len(all))
	to := min(from+p.Limit, len(all))
	out := List[O]{Items: make([]O, 0, to-from)}
	for _, item := range all[from:to] {
		out.Items = append(out.Items, show(item))
	}
	if to < len(all) {
		out.NextCursor = cursorAt(to)
	}
	return out, nil
}

// answer is the output of an operation.
type answer[T any] struct {
	Body T
}

func reply[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}
