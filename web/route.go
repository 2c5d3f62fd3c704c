package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// handler answers one route. Errors go to the one place that turns them into pages or problems.
type handler = echo.HandlerFunc

// route is a path, who may use it, and what answers. Parameters of the path come decoded, once: c.Param("name") of
// /d/lake/a%2Fb is "a/b".
type route struct {
	method string
	path   string
	policy policy
	handle handler
}

// router serves routes that have a policy, and nothing else.
type router struct {
	echo     *echo.Echo
	policies map[string]policy // by method and path template
	// signedOut answers who must sign in to see a page.
	signedOut handler
}

// router returns a router without routes. who finds out who is asking; fail answers errors; before stands before both.
func (s *Server) router(who identify, fail echo.HTTPErrorHandler, before ...echo.MiddlewareFunc) *router {
	r := &router{echo: echo.New(), policies: map[string]policy{}, signedOut: s.signedOut}
	r.echo.HTTPErrorHandler = fail
	r.echo.Use(recovered, r.noted, bounded, unescaped)
	r.echo.Use(before...)
	r.echo.Use(s.identified(who), s.limited, r.allowed)
	return r
}

// add adds a route.
func (r *router) add(rt route) {
	r.policies[rt.method+" "+rt.path] = rt.policy
	r.echo.Add(rt.method, rt.path, rt.handle)
}

// check returns an error when a route has no policy: such a server must not start.
func (r *router) check() error {
	for _, rt := range r.echo.Routes() {
		if !r.policies[rt.Method+" "+rt.Path].declared {
			return fmt.Errorf("route %s %s declares no policy", rt.Method, rt.Path)
		}
	}
	return nil
}

// pages returns the router of everything that a browser opens.
func (s *Server) pages() *router {
	r := s.router(s.signedInByCookie, s.pageError, sameOrigin, withoutSlash)
	for _, routes := range [][]route{
		s.pageRoutes(), s.sessionRoutes(), s.healthRoutes(), assetRoutes(),
		{s.docsRoute()},
		s.loginRoutes(), s.accountRoutes(),
		s.auditRoutes(), s.editRoutes(), s.sheetRoutes(), s.registerRoutes(), s.peopleRoutes(), s.requestRoutes(), s.watchRoutes(), s.sqlRoutes(),
	} {
		for _, rt := range routes {
			r.add(rt)
		}
	}
	return r
}

// noted tells the log and the metrics which route a request met.
func (r *router) noted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, known := r.policies[c.Request().Method+" "+c.Path()]; known {
			requestOf(c).route = c.Path()
		}
		return next(c)
	}
}

// unescaped decodes the parameters of the path. The router sees the path as it was sent, so that an escaped slash is part of
// a name and not a separator; here, and nowhere else, names become what they stand for.
func unescaped(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		values := make([]string, len(c.ParamNames()))
		for i, v := range c.ParamValues() {
			plain, err := url.PathUnescape(v)
			if err != nil || !isText(plain) {
				return echo.ErrNotFound // nothing has such a name, and Postgres would not hear of it
			}
			values[i] = plain
		}
		c.SetParamValues(values...)
		for name, values := range c.QueryParams() {
			for _, v := range values {
				if !isText(v) {
					return fault.Invalidf("/query/"+strings.ToValidUTF8(name, ""), "the address holds bytes that are no text")
				}
			}
		}
		return next(c)
	}
}

// withoutSlash leads from a path that ends in a slash, which no page of ours does, to the one without.
func withoutSlash(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		path := r.URL.EscapedPath()
		to := strings.TrimRight(path, "/")
		if requestOf(c).route != "" || r.Method != http.MethodGet || to == "" || to == path {
			return next(c)
		}
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		if backTo(to) != to || !servesGet(c.Echo(), strings.TrimRight(path, "/")) {
			return next(c)
		}
		return c.Redirect(http.StatusMovedPermanently, to)
	}
}

// servesGet reports whether a GET of path meets a route.
func servesGet(e *echo.Echo, path string) bool {
	c := e.AcquireContext()
	defer e.ReleaseContext(c)
	e.Router().Find(http.MethodGet, path, c)
	return slices.ContainsFunc(e.Routes(), func(rt *echo.Route) bool { return rt.Method == http.MethodGet && rt.Path == c.Path() })
}

// datasetRoute is the path of a dataset's page; its parts stand below.
const datasetRoute = "/d/:source/:name"

// noSuchPart is the parameter by which the overview of a dataset learns that another part was asked for.
const noSuchPart = "no"

// getSourceDatasets leads from what looks like a folder of datasets to the search of that source.
func (s *Server) getSourceDatasets(c echo.Context) error {
	return c.Redirect(http.StatusSeeOther, "/data?"+formQuery("source", c.Param("source")))
}

// getDatasetPart leads from a part that datasets do not have to the overview, which says so.
func (s *Server) getDatasetPart(c echo.Context) error {
	key := catalog.Key{Source: c.Param("source"), Name: c.Param("name")}
	return c.Redirect(http.StatusSeeOther, datasetURL(key, "")+"?"+formQuery(noSuchPart, c.Param("part")))
}

// isText reports whether s can be text in Postgres.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// principal returns who a request comes from: the zero Principal when nobody is signed in.
func principal(c echo.Context) access.Principal { return requestOf(c).principal }

// datasetURL returns the path of a dataset's page, or of one of its tabs: "columns", "history", "sample"; "" is the
// overview. Any name is safe in it.
func datasetURL(k catalog.Key, tab string) string {
	u := "/d/" + url.PathEscape(k.Source) + "/" + url.PathEscape(k.Name)
	if tab != "" {
		u += "/" + url.PathEscape(tab)
	}
	return u
}
