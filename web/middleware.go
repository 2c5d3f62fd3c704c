package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
)

// maxBody is the most bytes that a request may send.
const maxBody = 1 << 20

// request is what is known of a request beside what it says. It travels in the request's context and belongs to one goroutine.
type request struct {
	id        string
	route     string // path template, or "" when no route was met
	principal access.Principal
	head      bool          // a HEAD request, which is answered as the GET it asks about
	address   string        // the caller's, without its port
	body      io.ReadCloser // as it comes; the request's own is bounded
}

type requestKey struct{}

// requestIn returns what is known of the request that ctx belongs to; outside of one, nothing.
func requestIn(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

func requestOf(c echo.Context) *request { return requestIn(c.Request().Context()) }

// observe numbers a request, bounds its body, and logs and measures how it went. The log names the route and never the
// address: addresses hold what people search for.
func (s *Server) observe(next http.Handler) http.Handler {
	m := s.live().metrics
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		info := &request{id: newRequestID(), head: r.Method == http.MethodHead, address: clientHost(r)}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
		method := r.Method
		if info.head {
			r.Method = http.MethodGet // net/http drops the body
		}
		if r.Body != nil {
			info.body = r.Body
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		w.Header().Set("X-Request-Id", info.id)
		out := &recorder{ResponseWriter: w}
		m.inFlight.Inc()
		defer func() {
			m.inFlight.Dec()
			took := s.Now().Sub(start)
			m.observe(info.route, method, out.code(), took)
			s.Log.InfoContext(r.Context(), "request", "request_id", info.id, "method", knownMethod(method), "route", info.route,
				"status", out.code(), "ms", took.Milliseconds(), "bytes", out.bytes, "person", info.principal.ID)
		}()
		next.ServeHTTP(out, r)
	})
}

// patience is how long a request may wait for what it needs; then it is answered 503. Streams and what reads rows or whole
// results have bounds of their own.
const patience = 5 * time.Second

var patient = []string{"/login/callback", "/events", "/sample", "/sample.csv", "/data.csv", "/metadata.csv", "/data/edit", "/data/edit/:id", "/sql"}

// bounded ends what a request waits for after patience: a database that hangs must not hang the portal.
func bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, suffix := range patient {
			if strings.HasSuffix(requestOf(c).route, suffix) {
				return next(c)
			}
		}
		whole := c.Request()
		ctx, cancel := context.WithTimeout(whole.Context(), patience)
		defer cancel()
		c.SetRequest(whole.WithContext(ctx))
		defer c.SetRequest(whole) // what answers an error, or a panic, comes after this and must still be able to
		return next(c)
	}
}

// newRequestID returns 64 random bits in hex: short enough to read out on the phone.
func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// recorder notes what is sent.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(code int) {
	if r.status == 0 && code >= 200 {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// knownMethod keeps made-up methods out of logs and metrics.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// contentPolicy lets a page use nothing but what this server sends, and scripts write HTML through one policy only: the
// one named htmx, which app.js makes.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types htmx"

// secure sets the headers that every response has, errors and assets among them.
func secure(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// asSent makes the routers see every path as it was sent. net/http keeps that only where it differs from its own way of
// escaping, which would leave it to chance whether a name is decoded already.
func asSent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := *r.URL
		u.RawPath = u.EscapedPath()
		r.URL = &u // r is ours: observe made it
		next.ServeHTTP(w, r)
	})
}

// onlyHosts answers requests for the host of base, and in the demo for loopback: a foreign name that resolves to this
// machine must not make a browser treat its page and ours as one. Health may be asked under any name.
func (s *Server) onlyHosts(base *url.URL, next http.Handler) http.Handler {
	e := echo.New()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ours := strings.EqualFold(r.Host, base.Host) || ((s.Demo || loopback(base.Host)) && loopback(r.Host))
		if !ours && !isHealth(r) {
			err := echo.NewHTTPError(http.StatusMisdirectedRequest, "This server does not answer to this host name.")
			c := e.NewContext(r, w)
			if isAPI(r) {
				s.apiError(err, c)
			} else {
				s.pageError(err, c)
			}
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback reports whether host, with or without a port, names this machine.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || (ip != nil && ip.IsLoopback())
}

// sameOrigin refuses what another site makes a browser send here.
func sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	guard := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if err := guard.Check(c.Request()); err != nil {
			return errCrossOrigin
		}
		return next(c)
	}
}

// recovered turns a panic into an internal error, so that it takes down one request and is shown like any other.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it likewise
					panic(p)
				}
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}

// retryIn asks the client to come back later.
func retryIn(c echo.Context, d time.Duration) {
	c.Response().Header().Set("Retry-After", strconv.Itoa(max(1, int((d+time.Second-1)/time.Second))))
}
