package trino

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/query"
)

// Engine runs people's statements on a Trino cluster by its client protocol, whose pages it hands on as they come. It implements
// query.Engine.
//
// The client library is not used for it: that makes garbage of every value, hides the query's id and warnings, and remembers one
// person's session on a connection that the next one gets. See https://trino.io/docs/current/develop/client-protocol.html.
type Engine struct {
	settings settings
	client   *http.Client
}

// NewEngine returns an engine on the cluster that src describes, and does not ask it yet. It returns Invalid for a bad setting.
func NewEngine(src catalog.Source) (*Engine, error) {
	s, err := read(src.Config)
	if err != nil {
		return nil, err
	}
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	return &Engine{settings: s, client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Close closes idle connections.
func (e *Engine) Close() error {
	e.client.CloseIdleConnections()
	return nil
}

// Start sends a statement. It is sent once: whether one was taken whose answer got lost nobody can tell.
func (e *Engine) Start(ctx context.Context, s query.Statement) (query.Execution, error) {
	if strings.TrimSpace(s.SQL) == "" {
		return nil, &query.Problem{Cause: query.Mistake, Message: "there is no statement", Code: "EMPTY_STATEMENT"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.settings.url.JoinPath("v1", "statement").String(), strings.NewReader(s.SQL))
	if err != nil {
		return nil, err
	}
	if err := e.describe(req.Header, s); err != nil {
		return nil, err
	}
	p, err := e.ask(req)
	if err != nil {
		return nil, e.unanswered(err)
	}
	x := &execution{engine: e, id: p.ID, user: req.Header.Get(userHeader), first: p}
	x.next, err = e.pathOf(p.NextURI)
	return x, err
}

// Headers of the protocol that are used in more than one place.
const (
	userHeader   = "X-Trino-User"
	sourceHeader = "X-Trino-Source"
)

// describe says in the headers for whom the statement runs and how it is to be understood.
func (e *Engine) describe(h http.Header, s query.Statement) error {
	e.authorize(h, s.Person)
	h.Set(sourceHeader, e.settings.source)
	h.Set("X-Trino-Client-Capabilities", "PARAMETRIC_DATETIME") // else times are cut to milliseconds
	h.Set("X-Trino-Transaction-Id", "NONE")
	h.Set("X-Trino-Time-Zone", "UTC")
	if s.TimeZone != "" {
		h.Set("X-Trino-Time-Zone", s.TimeZone)
	}
	for name, value := range map[string]string{"X-Trino-Catalog": s.Catalog, "X-Trino-Schema": s.Schema, "X-Trino-Trace-Token": s.Run} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if tags := append(append([]string{}, e.settings.clientTags...), s.Tags...); len(tags) > 0 {
		h.Set("X-Trino-Client-Tags", strings.Join(tags, ","))
	}
	for name, value := range e.settings.session {
		h.Add("X-Trino-Session", name+"="+url.QueryEscape(value))
	}
	for name, role := range e.settings.roles {
		h.Add("X-Trino-Role", name+"=ROLE{"+url.QueryEscape(role)+"}")
	}
	info, err := json.Marshal(map[string]string{"run": s.Run})
	if err != nil {
		return err
	}
	h.Set("X-Trino-Client-Info", string(info))
	for name, values := range h {
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7F }) {
				return fault.Invalidf("", "%s cannot be sent to Trino: it holds a control character", strings.ToLower(strings.TrimPrefix(name, "X-Trino-")))
			}
		}
	}
	return nil
}

// authorize says who asks and proves it. person is whose rights apply; "" is the user that the source is read by.
func (e *Engine) authorize(h http.Header, person string) {
	if person == "" {
		person = e.settings.user
	}
	if person != "" {
		h.Set(userHeader, person)
	}
	switch {
	case e.settings.jwt != "":
		h.Set("Authorization", "Bearer "+e.settings.jwt)
	case e.settings.password != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(e.settings.user+":"+e.settings.password)))
	}
}

// pathOf returns what of an address in an answer is asked for next: its path. The host is always ours, whatever the answer says, so
// that our password goes nowhere else and a proxy that Trino does not know of is no hindrance.
func (e *Engine) pathOf(address string) (string, error) {
	if address == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, "/v1/") {
		return "", fault.Unavailablef(err, "Trino at %s answers with an address that is none of its own", e.settings.url.Host)
	}
	return u.RequestURI(), nil
}

// unanswered tells a person why the cluster gave no answer.
func (e *Engine) unanswered(err error) error {
	host := e.settings.url.Host
	switch status := statusOf(err); {
	case status == http.StatusUnauthorized:
		return &fault.Error{Kind: fault.Forbidden, Err: err, Msg: "Trino at " + host + " does not accept the user " + e.settings.who() + ": check user, " + e.settings.proof()}
	case status == http.StatusForbidden:
		return &fault.Error{Kind: fault.Forbidden, Err: err, Msg: "Trino at " + host + " forbids the user " + e.settings.who() + " to ask it, or to ask for another person"}
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return fault.Unavailablef(err, "Trino at %s has no room for more right now", host)
	case status >= 300 && status < 400:
		return fault.Unavailablef(err, "Trino at %s sends us to another address: name that in url", host)
	}
	c := Crawler{settings: e.settings}
	return c.outageFault(err)
}

// Kill ends a query by the procedure of Trino's own, as the user that the source is read by.
func (e *Engine) Kill(ctx context.Context, id, reason string) error {
	if id == "" || strings.ContainsFunc(id, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		return fault.NotFoundf("Trino has no query %.60q", id)
	}
	const max = 1000 // of a message
	return e.finish(ctx, query.Statement{SQL: "CALL system.runtime.kill_query(query_id => '" + id + "', message => " + literal(fault.Line(reason, max)) + ")"})
}

// Check asks Trino to analyse a statement: syntax, names, types and rights.
func (e *Engine) Check(ctx context.Context, s query.Statement) error {
	const prefix = "EXPLAIN (TYPE VALIDATE)\n"
	s.SQL = prefix + s.SQL
	err := e.finish(ctx, s)
	if p, ok := err.(*query.Problem); ok && p.Line > 1 { //nolint:errorlint // finish returns it bare
		own := *p
		own.Line-- // the prefix is a line of its own
		return &own
	}
	return err
}

// finish runs a statement to its end and throws its rows away.
func (e *Engine) finish(ctx context.Context, s query.Statement) error {
	x, err := e.Start(ctx, s)
	if err != nil {
		return err
	}
	for {
		_, err := x.Next(ctx)
		switch {
		case err == nil:
		case isEnd(err):
			return nil
		default:
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
			defer cancel()
			_ = x.Cancel(end)
			return err
		}
	}
}
