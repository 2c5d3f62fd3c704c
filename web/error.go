package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
)

// errUnauthorized means that the route is for people we know, and we do not know who is asking.
var errUnauthorized = echo.NewHTTPError(http.StatusUnauthorized, "Sign in first.")

// errCrossOrigin means that another site made the browser ask.
var errCrossOrigin = echo.NewHTTPError(http.StatusForbidden, "This request came from another site and was not carried out.")

// statusGone is what the log says when the client went away before its answer (nginx's number for it).
const statusGone = 499

// failure is an error as people see it.
type failure struct {
	status    int
	title     string // a few words
	detail    string // a sentence that says what to do, or ""
	field     string // what of the input is at fault, or ""
	requestID string
	near      []catalog.Dataset
	look      string        // what to search for instead, for a page that is not there
	retry     time.Duration // 0: the same request would fail again
	internal  bool          // ours alone to mend
}

// nearError is a NotFound error about a dataset with names that may have been meant.
type nearError struct {
	error
	near []catalog.Dataset
}

func (e *nearError) Unwrap() error { return e.error }

// missing adds the names that may have been meant to an error about the dataset key. Other errors come back as they are.
func (s *Server) missing(ctx context.Context, key catalog.Key, err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	near, nearErr := s.Catalog.Near(ctx, key, 5)
	if nearErr != nil {
		return err // the names are a courtesy
	}
	return &nearError{err, near}
}

// failureOf says what people may know of err.
func failureOf(err error) failure {
	f := classify(err)
	f.title = titles[f.status]
	if f.title == "" {
		f.title = http.StatusText(f.status)
	}
	if near, ok := errors.AsType[*nearError](err); ok {
		f.near = near.near
	}
	f.detail = sentence(f.detail)
	return f
}

// sentence writes a message as a sentence.
func sentence(msg string) string {
	if msg == "" {
		return ""
	}
	first, n := utf8.DecodeRuneInString(msg)
	text := string(unicode.ToUpper(first)) + strings.TrimSuffix(msg[n:], ".")
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// titles are the heads of error pages.
var titles = map[int]string{
	http.StatusUnauthorized:          "Not signed in",
	http.StatusForbidden:             "Not allowed",
	http.StatusNotFound:              "Nothing here",
	http.StatusMethodNotAllowed:      "Not possible here",
	http.StatusConflict:              "Changed in the meantime",
	http.StatusRequestEntityTooLarge: "Too large",
	http.StatusUnprocessableEntity:   "Cannot be read",
	http.StatusMisdirectedRequest:    "Unknown host name",
	http.StatusTooManyRequests:       "Too many requests",
	http.StatusInternalServerError:   "Something went wrong here",
	http.StatusServiceUnavailable:    "Not available right now",
}

// classify finds the status of err and what may be told of it.
func classify(err error) failure {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return failure{status: http.StatusRequestEntityTooLarge, detail: "A request may send at most " + number(large.Limit>>20) + " MiB"}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && e.Code < 500 {
		detail, _ := e.Message.(string)
		if detail == http.StatusText(e.Code) {
			detail = ""
		}
		return failure{status: e.Code, detail: detail}
	}
	f := failure{detail: fault.Message(err)}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		f.field = e.Field
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		f.status = http.StatusUnprocessableEntity
	case fault.Forbidden:
		f.status = http.StatusForbidden
	case fault.NotFound:
		f.status = http.StatusNotFound
	case fault.Conflict:
		f.status = http.StatusConflict
	case fault.Unavailable:
		f.status, f.retry = http.StatusServiceUnavailable, 5*time.Second
	case fault.Internal:
		if unstorable(err) {
			return failure{status: http.StatusUnprocessableEntity, detail: "What was sent holds characters or numbers that cannot be kept"}
		}
		if databaseAway(err) {
			return failure{status: http.StatusServiceUnavailable, detail: "The portal's database does not answer", retry: 5 * time.Second, internal: true}
		}
		return failure{status: http.StatusInternalServerError, internal: true}
	}
	return f
}

// unstorable reports whether Postgres refused a value as no text or out of range. Who sends the like is no person in a form, for
// whom each field says so.
func unstorable(err error) bool {
	e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	return ok && slices.Contains([]string{"22021", "22P05", "22003", "22008"}, e.SQLState())
}

// databaseAway reports whether err means that Postgres could not be reached, is starting or stopping, or has no room for
// another connection. Everything else that we talk to says so with a fault.
func databaseAway(err error) bool {
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		state := e.SQLState()
		return strings.HasPrefix(state, "57P") || strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53")
	}
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}

// log notes a failure that people cannot mend, once, under the id that they see.
func (s *Server) log(ctx context.Context, f *failure, err error) {
	f.requestID = requestIn(ctx).id
	switch {
	case f.internal:
		s.Log.ErrorContext(ctx, "request failed", "request_id", f.requestID, "route", requestIn(ctx).route, "err", err)
	case f.status == http.StatusServiceUnavailable:
		s.Log.WarnContext(ctx, "request could not be answered", "request_id", f.requestID, "route", requestIn(ctx).route, "err", err)
	}
}

// note logs a failure and reports whether there is still somebody to answer.
func (s *Server) note(c echo.Context, f *failure, err error) bool {
	if c.Response().Committed {
		s.log(c.Request().Context(), f, err)
		return false
	}
	if errors.Is(c.Request().Context().Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		c.Response().WriteHeader(statusGone)
		return false
	}
	s.log(c.Request().Context(), f, err)
	return true
}

// pageError answers an error with a page, or with a part of one when htmx asked for a part: it puts errors where the
// answer would have stood.
func (s *Server) pageError(err error, c echo.Context) {
	f := failureOf(err)
	if !s.note(c, &f, err) {
		return
	}
	if f.retry > 0 {
		retryIn(c, f.retry)
	}
	s.guide(c, &f)
	page := errorPage(s.shell(c, "", f.title), f)
	if partial(c) {
		page = errorPart(f)
	}
	if err := render(c, f.status, page); err != nil {
		s.Log.ErrorContext(c.Request().Context(), "error page failed", "request_id", f.requestID, "err", err)
		if !c.Response().Committed {
			_ = c.NoContent(http.StatusInternalServerError)
		}
	}
}

// guide makes the page about a missing page one of the portal's: it knows who is signed in, says what is missing, and has
// a word to search for. Whoever asks for a path that no route has was not asked who they are yet.
func (s *Server) guide(c echo.Context, f *failure) {
	if f.status != http.StatusNotFound && f.status != http.StatusMethodNotAllowed {
		return
	}
	if info := requestOf(c); info.principal.ID == 0 {
		if who, err := s.signedInByCookie(c); err == nil { // else the page is one for nobody, which is better than none
			info.principal = who
		}
	}
	path := strings.ToValidUTF8(strings.ReplaceAll(c.Request().URL.Path, "\x00", ""), "")
	if f.detail == "" && f.status == http.StatusNotFound {
		f.detail = "There is no page " + cut(path, 120) + "."
	}
	words := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '"' })
	if len(words) > 0 {
		f.look = cut(words[len(words)-1], 100)
	}
}
