package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/fault"
)

// policy says who may use a route. The zero policy is no policy: a server with such a route does not start.
type policy struct {
	declared bool
	role     access.Role // the least role; "" lets everyone in, signed in or not
	scope    string      // of the token, on API routes; "" on pages
	readers  bool        // that a session may post here whose token may only read
}

// public lets everyone in, signed in or not.
var public = policy{declared: true}

// needs lets in people with at least this role. It is for pages.
func needs(role access.Role) policy { return policy{declared: true, role: role} }

// forReaders lets sessions post here whose token may only read: it changes nothing that others see.
func (p policy) forReaders() policy {
	p.readers = true
	return p
}

// scope lets in tokens that hold scope and whose person has at least this role. It is for API routes.
func scope(scope string, role access.Role) policy {
	return policy{declared: true, role: role, scope: scope}
}

// String returns the policy as a table of policies writes it.
func (p policy) String() string {
	switch {
	case !p.declared:
		return "none"
	case p.role == "":
		return "public"
	case p.readers:
		return string(p.role) + ", readers too"
	case p.scope == "":
		return string(p.role)
	}
	return p.scope + " " + string(p.role)
}

// check returns nil when who may use a route with this policy.
func (p policy) check(who access.Principal) error {
	switch {
	case p.role == "":
		return nil
	case who.ID == 0:
		return errUnauthorized
	case p.scope != "" && !who.Holds(p.scope):
		return fault.Forbiddenf("this needs a token with the scope %s", p.scope)
	case !who.Role.Includes(p.role):
		return fault.Forbiddenf("this needs the role %s or one above it; yours is %s", p.role, who.Role)
	}
	return nil
}

// checkChange returns nil when who may change something by a route with this policy.
func (p policy) checkChange(who access.Principal) error {
	if p.scope != "" || p.role == "" || p.readers || who.Scopes == nil || who.Holds(access.ScopeWrite) {
		return nil
	}
	return fault.Forbiddenf("you signed in by a token that may only read: sign in by one with the scope %s to do this", access.ScopeWrite)
}

// anonymous are the routes that answer without knowing who asks, also while the database is away.
var anonymous = map[string]bool{"/livez": true, "/readyz": true, "/assets/*": true}

// identify finds out who is asking. Nobody is the zero Principal and no error.
type identify func(c echo.Context) (access.Principal, error)

// identified keeps who is asking with the request.
func (s *Server) identified(who identify) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if route := requestOf(c).route; route == "" || anonymous[route] {
				return next(c) // nobody needs to be known
			}
			p, err := who(c)
			if err != nil {
				if wait := s.live().limits.take("address "+remoteHost(c.Request()), addressRate, addressBurst, s.Now()); wait > 0 {
					return tooMany(c, wait, "Too many requests at once.")
				}
				return err
			}
			requestOf(c).principal = p
			return next(c)
		}
	}
}

// allowed lets a request on to its route when the route's policy says so. What has no policy is not there.
func (r *router) allowed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, known := r.policies[c.Request().Method+" "+c.Path()]
		if !known {
			return missingRoute(c)
		}
		err := p.check(principal(c))
		if method := c.Request().Method; err == nil && method != http.MethodGet && method != http.MethodHead {
			err = p.checkChange(principal(c))
		}
		if errors.Is(err, errUnauthorized) && p.scope == "" {
			return r.signedOut(c)
		}
		if err != nil {
			return err
		}
		admitBody(c)
		return next(c)
	}
}

// toLogin sends a browser to the login page, and from there back to where it was.
func toLogin(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	to := "/login"
	if c.Request().Method == http.MethodGet && !partial(c) {
		to += "?back=" + url.QueryEscape(c.Request().URL.RequestURI())
	}
	if c.Request().Header.Get("HX-Request") != "" {
		c.Response().Header().Set("HX-Redirect", to) // a redirect would put the login page into a part of this one
		return c.NoContent(http.StatusUnauthorized)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// missingRoute answers a request that met no route: 405 when the path has other methods, else 404.
func missingRoute(c echo.Context) error {
	if allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string); ok && allow != "" {
		c.Response().Header().Set("Allow", allow)
		return echo.ErrMethodNotAllowed
	}
	return echo.ErrNotFound
}
